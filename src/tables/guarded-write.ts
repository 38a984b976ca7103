import {
  type DynamoDBDocumentClient,
  GetCommand,
  type PutCommand,
  type UpdateCommand,
  type UpdateCommandInput,
} from '@aws-sdk/lib-dynamodb';
import type { KnownRow } from '../checks/sync-plan.ts';
import { NamedError } from '../errors.ts';

/** An item that others change between reading and writing is read again so often. */
const TRIES = 3;

export interface Wish {
  key: string;
  /** What was read of the item; undefined when there was none. */
  read: KnownRow | undefined;
  /** Whether an item found instead is as wanted already. */
  isDone: (found: KnownRow | undefined) => boolean;
  /** The write over what was read, with `guard(read, at)` as its condition. */
  command: (read: KnownRow | undefined) => PutCommand | UpdateCommand;
}

/** `newer`: a run opened later has written the item, and older content does not go over newer. */
export type Fate = 'written' | 'done' | 'newer';

/**
 * Writes one item if it still is what was read. Otherwise it is read again, and written over unless it is as wanted
 * already or of a later run.
 * @param at ISO instant at which the writing run was opened
 * @throws Table.WriteFailed when others change it again and again
 */
export async function writeGuarded(
  client: DynamoDBDocumentClient,
  table: string,
  wish: Wish,
  at: string,
): Promise<{ fate: Fate; requests: number }> {
  let { read } = wish;
  for (let tries = 1; tries <= TRIES; tries += 1) {
    try {
      await client.send(wish.command(read) as UpdateCommand);
      return { fate: 'written', requests: tries };
    } catch (error) {
      if ((error as Error).name !== 'ConditionalCheckFailedException') throw error;
    }
    const answer = await client.send(
      new GetCommand({ TableName: table, Key: { symbol: wish.key }, ConsistentRead: true }),
    );
    read = answer.Item && knownRow(answer.Item);
    if (wish.isDone(read)) return { fate: 'done', requests: tries };
    if (String(read?.values.updatedAt ?? '') > at) return { fate: 'newer', requests: tries };
  }
  throw new NamedError('Table.WriteFailed', {
    what: `${wish.key} was changed by another writer at each of ${TRIES} tries`,
    todo: 'The next run writes it.',
  });
}

/** The condition of a write over `read`: nobody has changed it, and nobody opened after `at`. */
export function guard(
  read: KnownRow | undefined,
  at: string,
): Required<
  Pick<UpdateCommandInput, 'ConditionExpression' | 'ExpressionAttributeNames' | 'ExpressionAttributeValues'>
> {
  if (!read) {
    return {
      ConditionExpression: 'attribute_not_exists(#symbol)',
      ExpressionAttributeNames: { '#symbol': 'symbol' },
      ExpressionAttributeValues: {},
    };
  }
  return {
    ConditionExpression:
      'contentHash = :read AND #status = :was AND (attribute_not_exists(updatedAt) OR updatedAt <= :at)',
    ExpressionAttributeNames: { '#status': 'status' },
    ExpressionAttributeValues: { ':read': read.contentHash, ':was': read.active ? 'active' : 'inactive', ':at': at },
  };
}

export function knownRow(values: Record<string, unknown>): KnownRow {
  const { symbol, contentHash, status } = values;
  return { key: String(symbol), contentHash: String(contentHash), active: status === 'active', values };
}
