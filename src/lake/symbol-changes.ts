import type { Column } from './parquet.ts';

/** Reference datasets whose symbols have a history. */
export const SYMBOL_LISTS = ['tickers', 'assets'] as const;

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
