import { sessionAt, sessionNumber } from '../../../src/calendar/sessions.ts';
import type { Bar } from '../../../src/records/bar.ts';

export interface NaiveBar {
  symbol: string;
  date: string;
  window_end: string;
  open: number;
  high: number;
  low: number;
  close: number;
  volume: number;
  bars: number;
  complete: boolean;
}

/** The bars of N sessions computed in the plainest way, from the same words in DESIGN and nothing of the product's code. */
export function naiveSilver(bars: readonly Bar[], n: number, newest: string): NaiveBar[] {
  const groups = new Map<string, Bar[]>();
  for (const bar of bars) {
    const key = `${bar.symbol} ${Math.floor(sessionNumber(bar.date) / n)}`;
    groups.set(key, [...(groups.get(key) ?? []), bar]);
  }
  const rows = [...groups.values()].map((unsorted) => {
    const group = [...unsorted].sort((a, b) => (a.date < b.date ? -1 : 1));
    const first = Math.floor(sessionNumber(group[0]!.date) / n) * n;
    const end = sessionAt(first + n - 1);
    return {
      symbol: group[0]!.symbol,
      date: sessionAt(first),
      window_end: end,
      open: group[0]!.open,
      high: Math.max(...group.map(({ high }) => high)),
      low: Math.min(...group.map(({ low }) => low)),
      close: group.at(-1)!.close,
      volume: exactSum(group.map(({ volume }) => volume)),
      bars: group.length,
      complete: end <= newest,
    };
  });
  return rows.sort((a, b) => (a.symbol === b.symbol ? (a.date < b.date ? -1 : 1) : a.symbol < b.symbol ? -1 : 1));
}

/** In millionths of a share, so that the order of adding does not matter. */
function exactSum(volumes: readonly number[]): number {
  const millionths = volumes.reduce((sum, volume) => sum + BigInt(Math.round(volume * 1e6)), 0n);
  return Number(millionths) / 1e6;
}
