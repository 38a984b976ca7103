import { setTimeout as sleep } from 'node:timers/promises';
import { BatchGetCommand, BatchWriteCommand, type DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { inFlight } from '../concurrency.ts';
import { NamedError } from '../errors.ts';

/** BatchWriteItem takes at most this many items a call. */
const BATCH = 25;
const TRIES = 6;

export type Item = Record<string, unknown>;

export interface Written {
  written: number;
  /** Items DynamoDB would not take after every retry, with its reason. */
  failed: { item: Item; reason: string }[];
  requests: number;
}

interface Options {
  /** Chunks in flight at once. */
  concurrency?: number;
  /** Backoff between tries, injected by tests. */
  wait?: (ms: number) => Promise<unknown>;
}

/**
 * Puts every item, 25 a call. UnprocessedItems go round again with full jitter; a chunk that still fails is
 * recorded and the later ones go on. The counts always add up to the items given.
 */
export async function writeAll(
  client: DynamoDBDocumentClient,
  table: string,
  items: readonly Item[],
  { concurrency = 4, wait = sleep }: Options = {},
): Promise<Written> {
  const result: Written = { written: 0, failed: [], requests: 0 };
  const chunks: Item[][] = [];
  for (let start = 0; start < items.length; start += BATCH) chunks.push(items.slice(start, start + BATCH));
  await inFlight(chunks, concurrency, writeChunk);
  return result;

  async function writeChunk(chunk: Item[]): Promise<void> {
    let left = chunk;
    let reason = 'still unprocessed after the last try';
    for (let attempt = 0; attempt < TRIES && left.length > 0; attempt += 1) {
      if (attempt > 0) await wait(Math.random() * 50 * 2 ** attempt);
      result.requests += 1;
      try {
        const RequestItems = { [table]: left.map((Item) => ({ PutRequest: { Item } })) };
        const answer = await client.send(new BatchWriteCommand({ RequestItems }));
        const unprocessed = answer.UnprocessedItems?.[table] ?? [];
        result.written += left.length - unprocessed.length;
        left = unprocessed.map((request) => request.PutRequest?.Item as Item);
      } catch (error) {
        // The SDK has retried what is transient; what is left is this chunk's fault, not the night's.
        reason = `${(error as Error).name}: ${(error as Error).message}`;
        break;
      }
    }
    for (const item of left) result.failed.push({ item, reason });
  }
}

/** Waits for a conditional write; false when its condition does not hold. */
export async function conditionHolds(write: Promise<unknown>): Promise<boolean> {
  try {
    await write;
    return true;
  } catch (error) {
    if ((error as Error).name === 'ConditionalCheckFailedException') return false;
    throw error;
  }
}

/** BatchGetItem takes at most this many keys a call. */
const READ_BATCH = 100;

/**
 * The items of these keys, in no particular order; absent ones are left out. Keys must differ.
 * @param attributes only these are fetched, besides the keys
 * @throws NamedError `Database.Failed` when the table leaves keys unread for good
 */
export async function readItems(
  client: DynamoDBDocumentClient,
  table: string,
  wanted: readonly Item[],
  attributes: readonly string[],
): Promise<Item[]> {
  const found: Item[] = [];
  const names = Object.fromEntries(attributes.map((name, place) => [`#a${place}`, name]));
  for (let start = 0; start < wanted.length; start += READ_BATCH) {
    let left = wanted.slice(start, start + READ_BATCH);
    for (let tries = 0; left.length > 0; tries++) {
      if (tries === TRIES) throw unread(table, left.length);
      if (tries > 0) await new Promise((resolve) => setTimeout(resolve, Math.random() * 50 * 2 ** tries));
      const request = {
        Keys: left,
        ConsistentRead: true,
        ProjectionExpression: Object.keys(names).join(', '),
        ExpressionAttributeNames: names,
      };
      const answer = await client.send(new BatchGetCommand({ RequestItems: { [table]: request } }));
      found.push(...(answer.Responses?.[table] ?? []));
      left = answer.UnprocessedKeys?.[table]?.Keys ?? [];
    }
  }
  return found;
}

function unread(table: string, count: number): NamedError {
  const todo = 'Look at the throttling of the table, and run again.';
  return new NamedError('Database.Failed', {
    what: `${table} was not read to the end`,
    found: `${count} keys left`,
    todo,
  });
}
