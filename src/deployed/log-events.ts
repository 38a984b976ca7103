import { type CloudWatchLogsClient, FilterLogEventsCommand } from '@aws-sdk/client-cloudwatch-logs';

/** One event of a log group, as CloudWatch keeps it. */
export interface StageLogEvent {
  /** Instant, ISO 8601 UTC. */
  at: string;
  message: string;
}

export interface LogQuery {
  /** `/aws/lambda/…` of a function, or the group all jobs share. */
  group: string;
  /** Jobs: streams of one job begin with its image's name. */
  streamPrefix?: string;
  /** Instant from which on, in milliseconds. */
  since: number;
}

/** Log group, and in it the streams, of a function or job of a stage, as Terraform names them. */
export function logGroupOf(stage: string, name: string, isJob: boolean): Pick<LogQuery, 'group' | 'streamPrefix'> {
  const prefix = `afterbell-${stage}`;
  return isJob ? { group: `/aws/batch/${prefix}`, streamPrefix: name } : { group: `/aws/lambda/${prefix}-${name}` };
}

/**
 * Every event of a log since an instant, oldest first. A group that has never been written to is empty.
 * CloudWatch may deliver late: a follower asks again with the newest instant it has seen and skips what it knows.
 */
export async function* readStageLog(
  client: Pick<CloudWatchLogsClient, 'send'>,
  { group, streamPrefix, since }: LogQuery,
): AsyncGenerator<StageLogEvent & { id: string }> {
  let nextToken: string | undefined;
  do {
    const request = new FilterLogEventsCommand({
      logGroupName: group,
      startTime: since,
      ...(streamPrefix === undefined ? {} : { logStreamNamePrefix: streamPrefix }),
      ...(nextToken === undefined ? {} : { nextToken }),
    });
    const page = await client.send(request).catch((error: Error) => {
      if (error.name === 'ResourceNotFoundException') return { events: [], nextToken: undefined };
      throw error;
    });
    for (const { timestamp = 0, message = '', eventId = '' } of page.events ?? [])
      yield { at: new Date(timestamp).toISOString(), message: message.trimEnd(), id: eventId };
    nextToken = page.nextToken;
  } while (nextToken);
}
