import { type Bar, sameValues } from '../records/bar.ts';

/** Symbols of kept bars that a note names. */
const NAMED = 5;

export interface Merged {
  bars: Bar[];
  new: number;
  changed: number;
  /** Symbols the stored version had and the new one has not. */
  removed: string[];
  /** Symbols whose stored bar stays because their new row was refused. */
  kept: string[];
}

/**
 * Pure: the new version of a session, by symbol in code-unit order; a row whose values did not change keeps its
 * `ingestedAt`. A symbol among `refused` that brought no good row keeps the bar it had: a bad answer is no reason to
 * take a good one away.
 */
export function mergeSession(
  stored: readonly Bar[],
  fetched: readonly Bar[],
  refused: ReadonlySet<string> = new Set(),
): Merged {
  const old = new Map(stored.map((bar) => [bar.symbol, bar]));
  const merged: Merged = { bars: [], new: 0, changed: 0, removed: [], kept: [] };
  for (const bar of fetched) {
    const before = old.get(bar.symbol);
    old.delete(bar.symbol);
    if (before && sameValues(before, bar)) merged.bars.push(before);
    else {
      merged.bars.push(bar);
      if (before) merged.changed += 1;
      else merged.new += 1;
    }
  }
  for (const [symbol, before] of old) {
    if (refused.has(symbol)) {
      merged.kept.push(symbol);
      merged.bars.push(before);
    } else merged.removed.push(symbol);
  }
  if (merged.kept.length > 0) merged.bars.sort((a, b) => (a.symbol < b.symbol ? -1 : 1));
  return merged;
}

/** What a reader of the night is told of bars that stayed; undefined when there are none. */
export function keptNote(date: string, kept: readonly string[]): string | undefined {
  if (kept.length === 0) return undefined;
  const named = kept.slice(0, NAMED).join(', ') + (kept.length > NAMED ? ', …' : '');
  const what =
    kept.length === 1
      ? '1 refused row left the served bar as it was'
      : `${kept.length} refused rows left the served bars as they were`;
  return `${date}: ${what}: ${named}`;
}
