import { dateOf, readDay } from '../../calendar/dates.ts';
import type { BarColumns } from './bar-columns.ts';
import { pickBars, tableOf } from './gather.ts';
import type { Portion } from './plan.ts';
import type { ReadSessions } from './read-sessions.ts';

/** What the sessions of a portion say about one symbol. */
export interface SymbolWork {
  symbol: string;
  /** Days on which a session has it no longer. */
  removed: Set<number>;
  /** Its rows in the session files; made when its turn comes, because all together are too many. */
  bars: () => BarColumns | undefined;
  /** The sessions that say it. */
  dates: () => string[];
}

/** Every symbol that a portion concerns, in order of name. */
export function symbolWork(portion: Portion, { tables, rows, failed }: ReadSessions): SymbolWork[] {
  const removed = new Map<string, Set<number>>();
  for (const { date, removed: gone } of portion.sessions) {
    if (failed.has(date)) continue;
    for (const symbol of gone) removed.set(symbol, (removed.get(symbol) ?? new Set()).add(readDay(date)!));
  }
  const { dateFiles, examined, visited } = portion;
  const symbols = new Set([...rows.keys(), ...removed.keys(), ...dateFiles.keys(), ...examined, ...visited]);
  return [...symbols].sort().map((symbol) => {
    const refs = rows.get(symbol);
    const days = removed.get(symbol) ?? new Set<number>();
    return {
      symbol,
      removed: days,
      bars: () => refs && pickBars(symbol, tables, refs),
      dates: () => [...(refs ?? []).map((ref) => portion.sessions[tableOf(ref)]!.date), ...[...days].map(dateOf)],
    };
  });
}
