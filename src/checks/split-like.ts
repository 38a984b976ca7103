/** A split as it stands in `reference/splits`: `split_from` old shares became `split_to` new ones. */
export interface KnownSplit {
  /** First session on the new basis, YYYY-MM-DD. */
  execution_date: string;
  split_from: number;
  split_to: number;
}

/** Ratios companies really use, new shares to old ones; the reverse of each as well. */
const RATIOS: readonly (readonly [more: number, fewer: number])[] = [
  ...[2, 3, 4, 5, 6, 7, 8, 10, 12, 15, 20, 25, 30, 40, 50, 100].map((more) => [more, 1] as const),
  [3, 2],
  [5, 2],
];

/** A split day has a market move of its own. */
const TOLERANCE = 0.05;

/**
 * The split ratio, new shares to old ones (`7:1`; `1:10` for a reverse split), that a move from one close to the next
 * is close to; undefined when it is close to none. Of two candidates the nearer one.
 */
export function splitLike(before: number, after: number): string | undefined {
  let best: { distance: number; name: string } | undefined;
  for (const [more, fewer] of RATIOS) {
    for (const [to, from] of [
      [more, fewer],
      [fewer, more],
    ] as const) {
      const distance = Math.abs(((after / before) * to) / from - 1);
      if (distance <= TOLERANCE && (!best || distance < best.distance)) best = { distance, name: `${to}:${from}` };
    }
  }
  return best?.name;
}

/**
 * The factor of the splits that became effective after one session and by the other, whichever is first; undefined
 * without any.
 */
export function splitFactorBetween(splits: readonly KnownSplit[], a: string, b: string): number | undefined {
  const [first, last] = a < b ? [a, b] : [b, a];
  const between = splits.filter(({ execution_date }) => execution_date > first && execution_date <= last);
  if (between.length === 0) return undefined;
  return between.reduce((factor, { split_from, split_to }) => (factor * split_from) / split_to, 1);
}
