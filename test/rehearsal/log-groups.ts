import { existsSync, readFileSync } from 'node:fs';
import { CloudWatchLogsClient, CreateLogStreamCommand, PutLogEventsCommand } from '@aws-sdk/client-cloudwatch-logs';
import type { Sandboxes } from './sandboxes.ts';

/** Every line so far as an event of its group, in a stream of its own; the groups are Terraform's. */
export async function deliverLogs(client: object, logs: Sandboxes['logs']): Promise<void> {
  const cloudWatch = new CloudWatchLogsClient(client);
  for (const { file, group: logGroupName, stream: logStreamName } of logs) {
    const logEvents = existsSync(file) ? readFileSync(file, 'utf8').split('\n').filter(Boolean).map(asEvent) : [];
    if (logEvents.length === 0) continue;
    await cloudWatch.send(new CreateLogStreamCommand({ logGroupName, logStreamName }));
    await cloudWatch.send(new PutLogEventsCommand({ logGroupName, logStreamName, logEvents }));
  }
}

function asEvent(line: string): { timestamp: number; message: string } {
  const { at, record, text } = JSON.parse(line) as { at: string; record?: object; text?: string };
  return { timestamp: Date.parse(at), message: record ? JSON.stringify(record) : (text ?? '') };
}
