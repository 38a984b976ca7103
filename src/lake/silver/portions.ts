/** Bars in one answer, about fifty bytes each: enough to make little of what a query costs by itself. */
const BARS = 800_000;
/** Windows held in memory at once, about fifty bytes each. */
const WINDOWS = 10_000_000;

/** Cuts symbols into runs of bounded work, in order. Pure. */
export function portionsOf(symbols: readonly string[], barsOf: (symbol: string) => number): string[][] {
  const portions: string[][] = [];
  let bars = 0;
  for (const symbol of symbols) {
    const last = portions.at(-1);
    if (!last || bars + barsOf(symbol) > BARS) {
      portions.push([symbol]);
      bars = 0;
    } else last.push(symbol);
    bars += barsOf(symbol);
  }
  return portions;
}

/** Cuts intervals into passes over the input, so that the windows of a pass fit into memory. Pure. */
export function passesOf(intervals: readonly number[], bars: number): number[][] {
  const passes: number[][] = [];
  let windows = 0;
  for (const interval of intervals) {
    // Gaps and listings in mid-window make a little more than bars / interval.
    const more = (bars / interval) * 1.1;
    const last = passes.at(-1);
    if (!last || windows + more > WINDOWS) {
      passes.push([interval]);
      windows = 0;
    } else last.push(interval);
    windows += more;
  }
  return passes;
}
