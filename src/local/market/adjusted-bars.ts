import type { BarRow, SplitRow } from './market-source.ts';

/**
 * Bars of `date` on the share basis of `today`, as Polygon's `adjusted=true` gives them: every split executed after
 * the date and by today multiplies prices by from/to and divides volume by it.
 */
export function adjustBars(
  rows: readonly BarRow[],
  splits: readonly SplitRow[],
  { date, today }: { date: string; today: string },
): BarRow[] {
  const factors = new Map<string, number>();
  for (const split of splits) {
    if (split.execution_date <= date || split.execution_date > today) continue;
    factors.set(split.ticker, (factors.get(split.ticker) ?? 1) * (split.split_from / split.split_to));
  }
  return rows.map((row) => {
    const factor = factors.get(row.T);
    if (factor === undefined) return row;
    const price = (value: number) => Math.round(value * factor * 1e4) / 1e4;
    const prices = { o: price(row.o), h: price(row.h), l: price(row.l), c: price(row.c) };
    return { ...row, ...prices, v: row.v / factor, ...(row.vw !== undefined && { vw: price(row.vw) }) };
  });
}
