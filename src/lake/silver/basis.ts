import { dateOf } from '../../calendar/dates.ts';
import type { ConsolidationCheckpoint } from '../bronze/checkpoint.ts';
import type { Manifest } from '../bronze/manifest.ts';
import { companyChanges, type SymbolHistory } from '../symbol-history.ts';
import { type LakeState, lakeState } from './lake-state.ts';
import { type Split, type SplitsList, splitsInForce, splitsText } from './splits.ts';

/** Everything that N-session bars follow from, besides the calendar. */
export interface Basis {
  state: LakeState;
  /** Symbol → its splits in force. */
  inForce: ReadonlyMap<string, Split[]>;
  /** Symbol → text of the splits in force. */
  splits: ReadonlyMap<string, string>;
  /** Date of the list they stand in. */
  splitsList: string | undefined;
  /** Symbol → days on which another company took it over. */
  changes: ReadonlyMap<string, number[]>;
  /** Symbol → the same as a text. */
  companies: ReadonlyMap<string, string>;
  /** Symbols whose history is behind their session files. */
  owed: ReadonlySet<string>;
  held: { has(symbol: string): boolean };
}

/** Pure. */
export function basisOf(
  consolidated: ConsolidationCheckpoint,
  manifest: Manifest,
  list: SplitsList,
  history: SymbolHistory = new Map(),
): Basis {
  const state = lakeState(consolidated);
  const changes = new Map([...companyChanges(history)].filter(([symbol]) => manifest.has(symbol)));
  const inForce = new Map([...splitsInForce(list.splits, state.newest)].filter(([symbol]) => manifest.has(symbol)));
  return {
    state,
    inForce,
    splits: new Map([...inForce].map(([symbol, splits]) => [symbol, splitsText(splits)])),
    splitsList: list.date,
    changes,
    companies: new Map([...changes].map(([symbol, days]) => [symbol, days.map(dateOf).join(' ')])),
    owed: new Set(Object.keys(consolidated.failed ?? {})),
    held: manifest,
  };
}

/** Pure: symbols whose text in a checkpoint is not the one of now. */
export function differing(before: Readonly<Record<string, string>>, now: ReadonlyMap<string, string>): string[] {
  const then = new Map(Object.entries(before));
  return [...new Set([...then.keys(), ...now.keys()])].filter((symbol) => then.get(symbol) !== now.get(symbol));
}
