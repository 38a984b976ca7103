/**
 * One daily bar of one symbol, unadjusted, as it stands in bronze (DESIGN 4.1).
 * Prices in USD, volume in shares (fractional volumes occur), `date` is the NYSE session YYYY-MM-DD,
 * `ingestedAt` is the opening instant (ISO 8601 UTC) of the run that brought these values.
 */
export interface Bar {
  symbol: string;
  date: string;
  open: number;
  high: number;
  low: number;
  close: number;
  volume: number;
  vwap: number | null;
  transactions: number | null;
  source: string;
  ingestedAt: string;
}

/** `source` of the bars we fetch ourselves; of one session its session file always has the newest of them. */
export const BAR_SOURCES = ['polygon', 'flat-files', 'practice'] as const;
export type BarSourceName = (typeof BAR_SOURCES)[number];

/** Whether two bars of one key carry the same vendor values; when and by which run they came is left aside. */
export function sameValues(a: Bar, b: Bar): boolean {
  return (
    a.open === b.open &&
    a.high === b.high &&
    a.low === b.low &&
    a.close === b.close &&
    a.volume === b.volume &&
    a.vwap === b.vwap &&
    a.transactions === b.transactions &&
    a.source === b.source
  );
}
