import { BatchGetCommand, type DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { NamedError } from '../errors.ts';
import type { Item } from '../tables/write-all.ts';

/** BatchGetItem takes at most this many keys a call. */
const BATCH = 100;
const TRIES = 6;

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
  for (let start = 0; start < wanted.length; start += BATCH) {
    let left = wanted.slice(start, start + BATCH);
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
