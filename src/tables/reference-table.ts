import { type DynamoDBDocumentClient, paginateScan, UpdateCommand } from '@aws-sdk/lib-dynamodb';
import { type Item, writeAll } from './write-all.ts';

/** What the table knows of one symbol: enough to find what a sync changes. */
export interface Known {
  symbol: string;
  contentHash: string;
  status: 'active' | 'inactive';
}

export interface Change {
  symbol: string;
  /** Every field of the record; one the vendor did not send is present as undefined. */
  record: Item;
  contentHash: string;
}

/** What a complete sync does to a table; unchanged items appear nowhere. */
export interface TablePlan {
  added: Change[];
  changed: Change[];
  vanished: string[];
  unchanged: number;
}

/** Pure: compares the vendor's complete list with what the table holds. */
export function planTable(known: ReadonlyMap<string, Known>, seen: readonly Change[]): TablePlan {
  const plan: TablePlan = { added: [], changed: [], vanished: [], unchanged: 0 };
  const present = new Set<string>();
  for (const change of seen) {
    present.add(change.symbol);
    const old = known.get(change.symbol);
    if (!old) plan.added.push(change);
    else if (old.contentHash !== change.contentHash || old.status !== 'active') plan.changed.push(change);
    else plan.unchanged += 1;
  }
  for (const old of known.values()) {
    if (old.status === 'active' && !present.has(old.symbol)) plan.vanished.push(old.symbol);
  }
  return plan;
}

export async function readKnown(client: DynamoDBDocumentClient, table: string): Promise<Map<string, Known>> {
  const known = new Map<string, Known>();
  const pages = paginateScan(
    { client },
    {
      TableName: table,
      ProjectionExpression: '#symbol, contentHash, #status',
      ExpressionAttributeNames: { '#symbol': 'symbol', '#status': 'status' },
    },
  );
  for await (const page of pages) {
    for (const item of (page.Items ?? []) as Known[]) known.set(item.symbol, item);
  }
  return known;
}

export interface Applied {
  failed: { symbol: string; reason: string }[];
  requests: number;
}

/**
 * Writes a plan: new items in batches, changed ones by an update that keeps `firstSeenAt` and what others own,
 * vanished ones marked inactive, never deleted. An item that cannot be written is recorded, the rest goes on.
 * @param at ISO instant of the run
 */
export async function applyPlan(
  client: DynamoDBDocumentClient,
  table: string,
  plan: TablePlan,
  at: string,
): Promise<Applied> {
  const added = plan.added.map(({ record, contentHash }) => ({
    ...record,
    status: 'active',
    firstSeenAt: at,
    contentHash,
  }));
  const batch = await writeAll(client, table, added);
  const applied: Applied = {
    failed: batch.failed.map(({ item, reason }) => ({ symbol: String(item.symbol), reason })),
    requests: batch.requests,
  };
  const updates = [
    ...plan.changed.map((change) => () => update(client, table, change)),
    ...plan.vanished.map((symbol) => () => deactivate(client, table, symbol, at)),
  ];
  const names = [...plan.changed.map((change) => change.symbol), ...plan.vanished];
  let next = 0;
  const worker = async () => {
    while (next < updates.length) {
      const index = next++;
      applied.requests += 1;
      await updates[index]!().catch((error: Error) => {
        applied.failed.push({ symbol: names[index]!, reason: `${error.name}: ${error.message}` });
      });
    }
  };
  await Promise.all(Array.from({ length: 8 }, worker));
  return applied;
}

/** Conditional on the hash: of two writers at once the second finds nothing to do. */
async function update(client: DynamoDBDocumentClient, table: string, change: Change): Promise<void> {
  // `status` is ours, also where the vendor has a word of that name: one expression may set it once.
  const own = Object.entries(change.record).filter(([name]) => name !== 'symbol' && name !== 'status');
  const fields = own.filter(([, value]) => value !== undefined);
  // A field the vendor no longer sends must not stay behind with its old value.
  const gone = own.filter(([, value]) => value === undefined).map(([name]) => name);
  const sets = ['#status = :active', 'contentHash = :hash', ...fields.map((_, index) => `#f${index} = :f${index}`)];
  const removes = ['inactiveSince', ...gone.map((_, index) => `#g${index}`)];
  const names = Object.fromEntries([
    ...fields.map(([name], index) => [`#f${index}`, name]),
    ...gone.map((name, index) => [`#g${index}`, name]),
  ]);
  const values = Object.fromEntries(fields.map(([, value], index) => [`:f${index}`, value]));
  const command = new UpdateCommand({
    TableName: table,
    Key: { symbol: change.symbol },
    UpdateExpression: `SET ${sets.join(', ')} REMOVE ${removes.join(', ')}`,
    ConditionExpression: 'attribute_not_exists(contentHash) OR contentHash <> :hash OR #status <> :active',
    ExpressionAttributeNames: { '#status': 'status', ...names },
    ExpressionAttributeValues: { ':active': 'active', ':hash': change.contentHash, ...values },
  });
  await client.send(command).catch(ignoreLostRace);
}

async function deactivate(client: DynamoDBDocumentClient, table: string, symbol: string, at: string): Promise<void> {
  const command = new UpdateCommand({
    TableName: table,
    Key: { symbol },
    UpdateExpression: 'SET #status = :inactive, inactiveSince = :at',
    ConditionExpression: '#status = :active',
    ExpressionAttributeNames: { '#status': 'status' },
    ExpressionAttributeValues: { ':inactive': 'inactive', ':active': 'active', ':at': at },
  });
  await client.send(command).catch(ignoreLostRace);
}

function ignoreLostRace(error: Error): void {
  if (error.name !== 'ConditionalCheckFailedException') throw error;
}
