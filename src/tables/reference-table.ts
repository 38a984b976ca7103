import {
  type DynamoDBDocumentClient,
  GetCommand,
  PutCommand,
  paginateScan,
  UpdateCommand,
  type UpdateCommandInput,
} from '@aws-sdk/lib-dynamodb';
import type { Change, StoredRow, SyncPlan } from '../checks/diff.ts';
import { inFlight } from '../concurrency.ts';
import { NamedError } from '../errors.ts';
import { parseHoldings } from '../records/holding.ts';
import { conditionHolds, type Item, readItems, writeAll } from './batch.ts';

/** Items in flight at once. */
const WORKERS = 8;

/** Every item of a reference table by its symbol, inactive ones too. A scan costs whole items whatever it returns. */
export async function readStored(client: DynamoDBDocumentClient, table: string): Promise<Map<string, StoredRow>> {
  const known = new Map<string, StoredRow>();
  for await (const page of paginateScan({ client }, { TableName: table })) {
    for (const item of page.Items ?? []) known.set(String(item.symbol), storedRow(item));
  }
  return known;
}

export interface Writing {
  /** ISO instant at which the run was opened whose answers these are. */
  at: string;
  /** Every field a record may have; one it has not is removed from its item. */
  fields: readonly string[];
}

export interface Applied {
  new: number;
  /** Items with other values, and items that became inactive. */
  changed: number;
  failed: { key: string; reason: string }[];
  /** Left as they are: a run opened later has written them since they were read. */
  newer: string[];
  /** Writes asked for. */
  requests: number;
}

/**
 * Writes a plan: into an empty table in batches, else item by item, each on condition that it still is what was read.
 * Vanished items are marked inactive, never deleted. An item that cannot be written is recorded, the rest goes on.
 */
export async function applyPlan<T extends object>(
  client: DynamoDBDocumentClient,
  table: string,
  plan: SyncPlan<T>,
  writing: Writing,
): Promise<Applied> {
  const applied: Applied = { new: 0, changed: 0, failed: [], newer: [], requests: 0 };
  if (plan.first) {
    const items = plan.added.map((change) => newItem(change, writing.at));
    const { written, failed, requests } = await writeAll(client, table, items);
    applied.new = written;
    applied.requests = requests;
    applied.failed.push(...failed.map(({ item, reason }) => ({ key: String(item.symbol), reason })));
  }
  const singly = plan.first ? [] : plan.added;
  const requests: (WriteRequest & { counter: 'new' | 'changed' })[] = [
    ...singly.map((change) => ({ counter: 'new' as const, ...present(table, change, writing) })),
    ...plan.changed.map((change) => ({ counter: 'changed' as const, ...present(table, change, writing) })),
    ...plan.vanished.map((row) => ({ counter: 'changed' as const, ...inactive(table, row, writing.at) })),
  ];
  await inFlight(requests, WORKERS, async (request) => {
    try {
      const { result, requests } = await writeGuarded(client, table, request, writing.at);
      applied.requests += requests;
      if (result === 'written') applied[request.counter] += 1;
      if (result === 'newer') applied.newer.push(request.key);
    } catch (error) {
      applied.requests += 1;
      applied.failed.push({ key: request.key, reason: `${(error as Error).name}: ${(error as Error).message}` });
    }
  });
  return applied;
}

function present<T extends object>(table: string, change: Change<T>, { at, fields }: Writing): WriteRequest {
  return {
    key: change.key,
    read: change.before,
    isDone: (found) => found?.active === true && found.contentHash === change.contentHash,
    command: (read) =>
      read
        ? updateItem(table, change, { at, fields, read })
        : new PutCommand({ TableName: table, Item: newItem(change, at), ...withoutValues(guard(undefined, at)) }),
  };
}

function newItem<T extends object>({ record, contentHash }: Change<T>, at: string): Item {
  return { ...record, status: 'active', firstSeenAt: at, updatedAt: at, contentHash };
}

/** An empty map of values is refused. */
function withoutValues({ ConditionExpression, ExpressionAttributeNames }: ReturnType<typeof guard>) {
  return { ConditionExpression, ExpressionAttributeNames };
}

/** Sets what the record has, removes what it has no longer, and keeps `firstSeenAt` and what others own. */
function updateItem<T extends object>(
  TableName: string,
  { key, record, contentHash }: Change<T>,
  { at, fields, read }: Writing & { read: StoredRow },
): UpdateCommand {
  const condition = guard(read, at);
  // `status` is ours, also where the vendor has a word of that name: one expression may set it once.
  const own = fields.filter((name) => name !== 'symbol' && name !== 'status');
  const values = record as Record<string, unknown>;
  const kept = own.filter((name) => values[name] !== undefined);
  // A field the vendor no longer sends must not stay behind with its old value.
  const gone = own.filter((name) => values[name] === undefined);
  const sets = [
    '#status = :active',
    'contentHash = :hash',
    'updatedAt = :at',
    ...kept.map((_, n) => `#f${n} = :f${n}`),
  ];
  const removes = ['inactiveSince', ...gone.map((_, n) => `#g${n}`)];
  return new UpdateCommand({
    TableName,
    Key: { symbol: key },
    UpdateExpression: `SET ${sets.join(', ')} REMOVE ${removes.join(', ')}`,
    ConditionExpression: condition.ConditionExpression,
    ExpressionAttributeNames: {
      ...condition.ExpressionAttributeNames,
      ...Object.fromEntries(kept.map((name, n) => [`#f${n}`, name])),
      ...Object.fromEntries(gone.map((name, n) => [`#g${n}`, name])),
    },
    ExpressionAttributeValues: {
      ...condition.ExpressionAttributeValues,
      ':active': 'active',
      ':hash': contentHash,
      ...Object.fromEntries(kept.map((name, n) => [`:f${n}`, values[name]])),
    },
  });
}

function inactive(TableName: string, row: StoredRow, at: string): WriteRequest {
  return {
    key: row.key,
    read: row,
    isDone: (found) => found?.active !== true,
    command: (read) => {
      const condition = guard(read, at);
      return new UpdateCommand({
        TableName,
        Key: { symbol: row.key },
        UpdateExpression: 'SET #status = :inactive, inactiveSince = :at, updatedAt = :at',
        ConditionExpression: condition.ConditionExpression,
        ExpressionAttributeNames: condition.ExpressionAttributeNames,
        ExpressionAttributeValues: { ...condition.ExpressionAttributeValues, ':inactive': 'inactive' },
      });
    },
  };
}

/** An item that others change between reading and writing is read again so often. */
const TRIES = 3;

export interface WriteRequest {
  key: string;
  /** What was read of the item; undefined when there was none. */
  read: StoredRow | undefined;
  /** Whether an item found instead is as wanted already. */
  isDone: (found: StoredRow | undefined) => boolean;
  /** The write over what was read, with `guard(read, at)` as its condition. */
  command: (read: StoredRow | undefined) => PutCommand | UpdateCommand;
}

/** `newer`: a run opened later has written the item, and older content does not go over newer. */
export type WriteResult = 'written' | 'done' | 'newer';

/**
 * Writes one item if it still is what was read. Otherwise it is read again, and written over unless it is as wanted
 * already or of a later run.
 * @param at ISO instant at which the writing run was opened
 * @throws Table.WriteFailed when others change it again and again
 */
export async function writeGuarded(
  client: DynamoDBDocumentClient,
  table: string,
  request: WriteRequest,
  at: string,
): Promise<{ result: WriteResult; requests: number }> {
  let { read } = request;
  for (let tries = 1; tries <= TRIES; tries += 1) {
    const write = client.send(request.command(read) as UpdateCommand);
    if (await conditionHolds(write)) return { result: 'written', requests: tries };
    const answer = await client.send(
      new GetCommand({ TableName: table, Key: { symbol: request.key }, ConsistentRead: true }),
    );
    read = answer.Item && storedRow(answer.Item);
    if (request.isDone(read)) return { result: 'done', requests: tries };
    if (String(read?.values.updatedAt ?? '') > at) return { result: 'newer', requests: tries };
  }
  throw new NamedError('Table.WriteFailed', {
    what: `${request.key} was changed by another writer at each of ${TRIES} tries`,
    todo: 'The next run writes it.',
  });
}

/** The condition of a write over `read`: nobody has changed it, and nobody opened after `at`. */
export function guard(
  read: StoredRow | undefined,
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

export function storedRow(values: Record<string, unknown>): StoredRow {
  const { symbol, contentHash, status } = values;
  return { key: String(symbol), contentHash: String(contentHash), active: status === 'active', values };
}

/** A listing that the last complete sync saw; `type` is Polygon's, and often missing. */
export interface ActiveTicker {
  symbol: string;
  market?: string;
  type?: string;
}

/** Every active listing of the reference table, by symbol in code-unit order. */
export async function readActiveTickers(client: DynamoDBDocumentClient, table: string): Promise<ActiveTicker[]> {
  const found: ActiveTicker[] = [];
  const pages = paginateScan(
    { client },
    {
      TableName: table,
      ProjectionExpression: 'symbol, #market, #type',
      FilterExpression: '#status = :active',
      ExpressionAttributeNames: { '#market': 'market', '#type': 'type', '#status': 'status' },
      ExpressionAttributeValues: { ':active': 'active' },
    },
  );
  for await (const page of pages) found.push(...((page.Items ?? []) as ActiveTicker[]));
  return found.sort((a, b) => (a.symbol < b.symbol ? -1 : 1));
}

/** More than this are not a question about single symbols any more. */
const MOST = 2000;

/** Of these symbols those marked inactive in a reference table → the day (YYYY-MM-DD) they were; of 2,000 at most. */
export async function goneSince(
  client: DynamoDBDocumentClient,
  table: string,
  symbols: readonly string[],
): Promise<Map<string, string>> {
  const asked = symbols.slice(0, MOST).map((symbol) => ({ symbol }));
  const items = await readItems(client, table, asked, ['symbol', 'status', 'inactiveSince']);
  const gone = items.filter(({ status }) => status === 'inactive');
  return new Map(gone.map(({ symbol, inactiveSince }) => [String(symbol), String(inactiveSince ?? '').slice(0, 10)]));
}

/** Symbols with an open position in the portfolio service's table, sorted; none where there is no such table. */
export async function readListedSymbols(client: DynamoDBDocumentClient, table: string): Promise<string[]> {
  const items: unknown[] = [];
  try {
    for await (const page of paginateScan({ client }, { TableName: table })) items.push(...(page.Items ?? []));
  } catch (error) {
    if ((error as Error).name === 'ResourceNotFoundException') return [];
    throw error;
  }
  const open = parseHoldings(items).records.filter(({ quantity }) => quantity !== 0);
  return [...new Set(open.map(({ symbol }) => symbol))].sort();
}
