import type { Bar } from '../records/bar.ts';
import { type Column, encodeRows } from './parquet.ts';

/** One row of a served session that a later fetch brought otherwise. */
export interface Revision {
  symbol: string;
  kind: 'changed' | 'added' | 'removed';
  /** Absent when the row was added. */
  before?: Bar;
  /** Absent when the row is gone. */
  after?: Bar;
}

const VALUES = ['open', 'high', 'low', 'close', 'volume', 'vwap', 'transactions'] as const;

export const REVISION_COLUMNS: readonly Column[] = [
  { name: 'night', type: 'date' },
  { name: 'run_id', type: 'text' },
  { name: 'symbol', type: 'text' },
  { name: 'date', type: 'date' },
  { name: 'kind', type: 'text' },
  ...VALUES.flatMap((name): Column[] => {
    const type = name === 'transactions' ? 'bigint' : 'double';
    return ['before', 'after'].map((when) => ({ name: `${name}_${when}`, type, nullable: true }));
  }),
  { name: 'served_since', type: 'timestamp', nullable: true },
  { name: 'revised_at', type: 'timestamp' },
];

/** Pure: what differs for a reader between two versions of a session, by symbol; another source alone does not. */
export function revisionsOf(stored: readonly Bar[], fetched: readonly Bar[]): Revision[] {
  const old = new Map(stored.map((bar) => [bar.symbol, bar]));
  const revisions: Revision[] = [];
  for (const after of fetched) {
    const before = old.get(after.symbol);
    old.delete(after.symbol);
    if (!before) revisions.push({ symbol: after.symbol, kind: 'added', after });
    else if (VALUES.some((name) => before[name] !== after[name])) {
      revisions.push({ symbol: after.symbol, kind: 'changed', before, after });
    }
  }
  for (const before of old.values()) revisions.push({ symbol: before.symbol, kind: 'removed', before });
  return revisions.sort((a, b) => (a.symbol < b.symbol ? -1 : 1));
}

/** @param of `night`: session of the night that found them; `at`: opening instant of the run that brought them */
export function encodeRevisions(
  revisions: readonly Revision[],
  { night, runId, date, at }: { night: string; runId: string; date: string; at: string },
): Uint8Array {
  const rows = revisions.map(({ symbol, kind, before, after }) => ({
    night,
    run_id: runId,
    symbol,
    date,
    kind,
    ...Object.fromEntries(
      VALUES.flatMap((name) => [
        [`${name}_before`, before?.[name] ?? null],
        [`${name}_after`, after?.[name] ?? null],
      ]),
    ),
    served_since: before?.ingestedAt ?? null,
    revised_at: at,
  }));
  return encodeRows(REVISION_COLUMNS, rows);
}

/**
 * Columns of `reference/{dataset}_changes/date=….parquet`: one row a symbol that was `added`, `vanished`, `renamed` (from
 * `former_symbol`) or `reused` by another security on that session.
 */
export const SYMBOL_CHANGE_COLUMNS: readonly Column[] = [
  { name: 'date', type: 'date' },
  { name: 'dataset', type: 'text' },
  { name: 'change', type: 'text' },
  { name: 'symbol', type: 'text' },
  { name: 'former_symbol', type: 'text', nullable: true },
  { name: 'figi', type: 'text', nullable: true },
  { name: 'asset_id', type: 'text', nullable: true },
  { name: 'reason', type: 'text' },
];
