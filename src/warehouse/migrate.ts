import type { Warehouse } from './client.ts';
import pricesAndLedger from './migrations/001-prices-and-ledger.sql';
import indexMembersAndSplits from './migrations/002-index-members-and-splits.sql';
import symbolHistory from './migrations/003-symbol-history.sql';
import metadataAndValuations from './migrations/004-metadata-and-valuations.sql';
import whoseMetadata from './migrations/005-whose-metadata.sql';
import splitsOfOneDay from './migrations/006-splits-of-one-day.sql';

interface Migration {
  id: string;
  sql: string;
}

/** In order; applied ones are never edited, a change is a new file. Every statement may run twice. */
export const MIGRATIONS: readonly Migration[] = [
  { id: '001-prices-and-ledger', sql: pricesAndLedger },
  { id: '002-index-members-and-splits', sql: indexMembersAndSplits },
  { id: '003-symbol-history', sql: symbolHistory },
  { id: '004-metadata-and-valuations', sql: metadataAndValuations },
  { id: '005-whose-metadata', sql: whoseMetadata },
  { id: '006-splits-of-one-day', sql: splitsOfOneDay },
];

const LEDGER =
  'CREATE TABLE IF NOT EXISTS schema_migrations (id TEXT PRIMARY KEY, applied_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP)';

/** Wakes the warehouse and applies what is missing. Returns the ids applied now. */
export async function migrate(warehouse: Warehouse): Promise<string[]> {
  await warehouse.query(LEDGER);
  const applied = new Set((await warehouse.query('SELECT id FROM schema_migrations')).map((row) => row.id));
  const missing = MIGRATIONS.filter(({ id }) => !applied.has(id));
  for (const { id, sql } of missing) {
    for (const statement of statements(sql)) await warehouse.query(statement);
    await warehouse.query('INSERT INTO schema_migrations (id) VALUES (:id) ON CONFLICT DO NOTHING', { id });
  }
  return missing.map(({ id }) => id);
}

/** The Data API takes one statement a call; in our files a statement ends with `;` at the end of a line. */
export function statements(sql: string): string[] {
  return sql
    .split(/;\s*$/m)
    .map((statement) => statement.trim())
    .filter((statement) => statement.replace(/--.*$/gm, '').trim() !== '');
}
