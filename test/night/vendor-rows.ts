import type { BarSource } from '../../src/datasets/prices.ts';

export const DATE = '2025-11-19';
export const FIRST = '2025-11-20T09:00:00.000Z';
export const SECOND = '2025-11-21T09:00:00.000Z';

/** A vendor row. */
export const row = (T: string, more: Record<string, unknown> = {}) => ({
  T,
  o: 10,
  h: 12,
  l: 9,
  c: 11,
  v: 1000,
  vw: 10.5,
  n: 42,
  ...more,
});
export const rowsOf = (symbols: string, more = {}) => [...symbols].map((symbol) => row(symbol, more));
export const source = (rows: unknown[], practice = true): BarSource => ({
  name: 'polygon',
  session: async () => ({ rows, practice, waitSeconds: 12 }),
});
