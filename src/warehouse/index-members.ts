import type { Warehouse } from './client.ts';
import { readPaged } from './paged.ts';
import current from './queries/current-index-members.sql';
import store from './queries/store-index-members.sql';

/** Symbols of the newest list stored, sorted; none before the first one. */
export async function currentMembers(warehouse: Warehouse, index: string): Promise<string[]> {
  return (await readPaged(warehouse, current, { index }, { key: ['symbol'] })).map(({ symbol }) => String(symbol));
}

/**
 * Stores the list of a day (YYYY-MM-DD), which may not lie before that of a list stored already: who is new gets
 * `valid_from`, who is gone `valid_to`. Repeating it changes nothing.
 */
export async function storeMembers(
  warehouse: Warehouse,
  { index, date, symbols }: { index: string; date: string; symbols: readonly string[] },
): Promise<{ new: number; gone: number }> {
  const [answer] = await warehouse.query(store, { index, date, members: JSON.stringify(symbols) });
  return { new: Number(answer?.new ?? 0), gone: Number(answer?.gone ?? 0) };
}
