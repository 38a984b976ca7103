import { type DynamoDBDocumentClient, PutCommand, paginateScan, UpdateCommand } from '@aws-sdk/lib-dynamodb';
import type { Change, KnownRow, SyncPlan } from '../checks/sync-plan.ts';
import { guard, knownRow, type Wish, writeGuarded } from './guarded-write.ts';
import { type Item, writeAll } from './write-all.ts';

/** Items in flight at once. */
const WORKERS = 8;

/** Every item of a reference table by its symbol, inactive ones too. A scan costs whole items whatever it returns. */
export async function readKnown(client: DynamoDBDocumentClient, table: string): Promise<Map<string, KnownRow>> {
  const known = new Map<string, KnownRow>();
  for await (const page of paginateScan({ client }, { TableName: table })) {
    for (const item of page.Items ?? []) known.set(String(item.symbol), knownRow(item));
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
  const wishes: (Wish & { counter: 'new' | 'changed' })[] = [
    ...singly.map((change) => ({ counter: 'new' as const, ...present(table, change, writing) })),
    ...plan.changed.map((change) => ({ counter: 'changed' as const, ...present(table, change, writing) })),
    ...plan.vanished.map((row) => ({ counter: 'changed' as const, ...inactive(table, row, writing.at) })),
  ];
  const worker = async () => {
    for (let wish = wishes.shift(); wish; wish = wishes.shift()) {
      try {
        const { fate, requests } = await writeGuarded(client, table, wish, writing.at);
        applied.requests += requests;
        if (fate === 'written') applied[wish.counter] += 1;
        if (fate === 'newer') applied.newer.push(wish.key);
      } catch (error) {
        applied.requests += 1;
        applied.failed.push({ key: wish.key, reason: `${(error as Error).name}: ${(error as Error).message}` });
      }
    }
  };
  await Promise.all(Array.from({ length: WORKERS }, worker));
  return applied;
}

function present<T extends object>(table: string, change: Change<T>, { at, fields }: Writing): Wish {
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
  { at, fields, read }: Writing & { read: KnownRow },
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

function inactive(TableName: string, row: KnownRow, at: string): Wish {
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
