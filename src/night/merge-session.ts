import { type Bar, sameValues } from '../records/bar.ts';

export interface Merged {
  bars: Bar[];
  new: number;
  changed: number;
  /** Symbols the stored version had and the new one has not. */
  removed: string[];
}

/** Pure: the new version of a session; a row whose values did not change keeps its `ingestedAt`. */
export function mergeSession(stored: readonly Bar[], fetched: readonly Bar[]): Merged {
  const old = new Map(stored.map((bar) => [bar.symbol, bar]));
  const merged: Merged = { bars: [], new: 0, changed: 0, removed: [] };
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
  merged.removed = [...old.keys()];
  return merged;
}
