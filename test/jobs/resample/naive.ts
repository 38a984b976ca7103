import { sessionAt, sessionNumber } from '../../../src/calendar/calendar.ts';
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

export interface NaiveSplit {
  symbol: string;
  execution_date: string;
  split_from: number;
  split_to: number;
}

/** A date on which another company took a symbol over. */
export interface NaiveChange {
  symbol: string;
  date: string;
}

function isTakenBetween(changes: readonly NaiveChange[], symbol: string, before: string, by: string): boolean {
  return changes.some((change) => change.symbol === symbol && change.date > before && change.date <= by);
}

/** Bars on the basis of the newest session: each by the ratios of all later splits of its company that are in force. */
export function adjusted(
  bars: readonly Bar[],
  splits: readonly NaiveSplit[],
  newest: string,
  changes: readonly NaiveChange[] = [],
): Bar[] {
  return bars.map((bar) => {
    const later = splits
      .filter(({ symbol, execution_date: on }) => symbol === bar.symbol && bar.date < on && on <= newest)
      .filter(({ symbol, execution_date: on }) => !isTakenBetween(changes, symbol, bar.date, on))
      .sort((a, b) => (a.execution_date > b.execution_date ? -1 : 1));
    const factor =
      later.reduce((all, { split_from }) => all * split_from, 1) /
      later.reduce((all, { split_to }) => all * split_to, 1);
    const [open, high, low, close] = [bar.open, bar.high, bar.low, bar.close].map((price) => price * factor);
    return { ...bar, open: open!, high: high!, low: low!, close: close!, volume: bar.volume / factor };
  });
}

/** The bars of N sessions computed in the plainest way, from the words in docs/design.md and nothing of the product's code. */
export function naiveSilver(
  bars: readonly Bar[],
  n: number,
  newest: string,
  changes: readonly NaiveChange[] = [],
): NaiveBar[] {
  const groups = new Map<string, Bar[]>();
  for (const bar of bars) {
    const key = `${bar.symbol} ${Math.floor(sessionNumber(bar.date) / n)}`;
    groups.set(key, [...(groups.get(key) ?? []), bar]);
  }
  const rows = [...groups.values()].map((unsorted) => {
    const all = [...unsorted].sort((a, b) => (a.date < b.date ? -1 : 1));
    const group = all.filter(({ symbol, date }) => !isTakenBetween(changes, symbol, date, all.at(-1)!.date));
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
  // Whole shares apart: times a million, the half of a millionth that a large volume has would be rounded away.
  const millionthsOf = (volume: number) => {
    const whole = Math.trunc(volume);
    return BigInt(whole) * 1_000_000n + BigInt(Math.round((volume - whole) * 1e6));
  };
  const millionths = volumes.reduce((sum, volume) => sum + millionthsOf(volume), 0n);
  return Number(millionths) / 1e6;
}
