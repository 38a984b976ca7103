import { createHash } from 'node:crypto';
import type { LakeReader } from './lake-reader.ts';
import type { Stores } from './stores.ts';

/** What a run writes of itself: its report, its ledger, what its jobs said, and their shards to each other. */
const OWN_KEYS = /^(reports|staging|processing_metadata\/(jobs|consolidation_parts))\//;
/** Follows from the statements beside it. */
const CATALOG = 'catalog/afterbell.duckdb';
/** The view of a table that is made after a stage's catalog: of the night before. */
const RECONCILE_VIEW = /^CREATE OR REPLACE VIEW "reconcile".*$/m;
const OWN_TABLES = new Set(['nights', 'sync_logs', 'schema_migrations']);

/** Everything that is stored, each by a name with a checksum; without what every run writes of itself. */
export async function allBytes(
  lake: LakeReader,
  { tables, sql }: Pick<Stores, 'tables' | 'sql'>,
): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  for (const key of lake.keys())
    if (!OWN_KEYS.test(key) && key !== CATALOG) found.set(key, hashOf(comparable(key, lake.bytes(key)!)));
  for (const table of ['tickers', 'assets'])
    for (const item of await tables.items(table))
      found.set(`${table} ${JSON.stringify(item.symbol)}`, hashOf(JSON.stringify(inOrder(item))));
  const { rows } = await sql.query("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1", []);
  for (const [table] of rows) {
    if (OWN_TABLES.has(String(table))) continue;
    const { rows: texts } = await sql.query(`SELECT t::text FROM ${table} t ORDER BY 1`, []);
    found.set(`table ${table}`, hashOf(JSON.stringify(texts)));
  }
  return found;
}

/** What is in one of them and not, or otherwise, in the other. */
export function changedBytes(before: ReadonlyMap<string, string>, after: ReadonlyMap<string, string>): string[] {
  const names = new Set([...before.keys(), ...after.keys()]);
  return [...names].filter((name) => before.get(name) !== after.get(name));
}

function comparable(key: string, bytes: Uint8Array): Uint8Array | string {
  return key === 'catalog/views.sql' ? Buffer.from(bytes).toString().replace(RECONCILE_VIEW, '') : bytes;
}

function hashOf(bytes: Uint8Array | string): string {
  return createHash('sha1').update(bytes).digest('hex');
}

function inOrder(item: Record<string, unknown>): [string, unknown][] {
  return Object.entries(item).sort(([a], [b]) => (a < b ? -1 : 1));
}
