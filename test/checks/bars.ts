import type { Bar } from '../../src/records/bar.ts';

/** A sound bar of one symbol and session; `more` replaces what a test is about. */
export function bar(symbol: string, date: string, more: Partial<Bar> = {}): Bar {
  return {
    symbol,
    date,
    open: 10,
    high: 12,
    low: 9,
    close: 11,
    volume: 1000,
    vwap: 10.5,
    transactions: 42,
    source: 'practice',
    ingestedAt: `${date}T23:00:00.000Z`,
    ...more,
  };
}

/** `count` bars of S000, S001, … */
export function bars(count: number, date: string, more: Partial<Bar> = {}): Bar[] {
  return Array.from({ length: count }, (_, index) => bar(`S${String(index).padStart(3, '0')}`, date, more));
}
