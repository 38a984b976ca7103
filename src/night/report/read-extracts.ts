import { keys } from '../../lake/keys.ts';
import type { Lake } from '../../lake/lake.ts';
import { decodeRows } from '../../lake/parquet.ts';
import { SYMBOL_LISTS } from '../../lake/symbol-changes.ts';
import type { Extract } from './history.ts';

const SHOWN = 20;

interface QuarantineLine {
  dataset: string;
  symbol: string | null;
  reason: string;
  row: unknown;
}

/** Refused rows of a session by dataset and reason; null when none was refused. */
export async function readQuarantine(lake: Lake, session: string): Promise<Extract | null> {
  const bytes = await lake.read(keys.quarantine(session));
  if (!bytes) return null;
  const lines = Buffer.from(bytes).toString('utf8').split('\n').filter(Boolean);
  const refused = lines.map((line) => JSON.parse(line) as QuarantineLine);
  return extract(
    ['dataset', 'symbol', 'reason', 'row'],
    refused.map(({ dataset, symbol, reason, row }) => [
      dataset,
      symbol ?? '',
      reason,
      JSON.stringify(row).slice(0, 200),
    ]),
    ([dataset, , reason]) => [dataset!, reason!],
  );
}

/** Where lists of symbols disagree, by reason; null when the night left no such table. */
export async function readReconcile(lake: Lake, session: string): Promise<Extract | null> {
  const key = keys.report(session, 'reconcile.parquet');
  const bytes = await lake.read(key);
  if (!bytes) return null;
  const rows = await decodeRows(bytes, key, ['symbol', 'reason']);
  const differing = rows.filter(({ reason }) => reason !== null && reason !== '');
  const head = Object.keys(rows[0] ?? { symbol: '', reason: '' });
  const reasonAt = head.indexOf('reason');
  return extract(
    head,
    differing.map((row) => head.map((name) => String(row[name] ?? ''))),
    (row) => [row[reasonAt]!],
  );
}

/** What was listed, delisted, renamed or reused on a session, by list; null when nothing was. */
export async function readListings(lake: Lake, session: string): Promise<Extract | null> {
  const head = ['dataset', 'change', 'symbol', 'former_symbol', 'reason'];
  const rows: string[][] = [];
  for (const dataset of SYMBOL_LISTS) {
    const key = keys.symbolChanges(dataset, session);
    const bytes = await lake.read(key);
    if (!bytes) continue;
    for (const row of await decodeRows(bytes, key, head)) rows.push(head.map((name) => String(row[name] ?? '')));
  }
  return rows.length === 0 ? null : extract(head, rows, ([dataset, change]) => [dataset!, change!]);
}

/** Counts by the words that `kind` picks, the most frequent first, and some rows of each so that all kinds are seen. */
function extract(head: string[], rows: string[][], kind: (row: readonly string[]) => string[]): Extract {
  const kinds = new Map<string, { words: string[]; rows: string[][] }>();
  for (const row of rows) {
    const words = kind(row);
    const same = kinds.get(words.join('\n')) ?? { words, rows: [] };
    same.rows.push(row);
    kinds.set(words.join('\n'), same);
  }
  const sorted = [...kinds.values()].sort((a, b) => b.rows.length - a.rows.length);
  const each = Math.max(Math.floor(SHOWN / Math.max(sorted.length, 1)), 1);
  return {
    total: rows.length,
    counts: sorted.map((one) => ({ words: one.words, count: one.rows.length })),
    head,
    rows: sorted.flatMap((one) => one.rows.slice(0, each)).slice(0, SHOWN),
  };
}
