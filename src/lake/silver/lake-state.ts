import type { ConsolidationCheckpoint } from '../bronze/checkpoint.ts';
import { sessionText } from './session-text.ts';

/** What the data files hold, date by date; silver is a function of this. */
export interface LakeState {
  /** Session → a text that changes whenever a bar of that date may have, in date order. */
  tokens: ReadonlyMap<string, string>;
  /** The same as lines, for the checkpoints. */
  text: string;
  /** Sessions of which some bar is in no session file, only in the data files. */
  outside: ReadonlySet<string>;
  /** Newest session held; windows that end by it are complete. */
  newest: string | undefined;
}

/** Enough of a checksum to tell two versions of a session apart; thousands of them stand in every checkpoint. */
const TOKEN_LENGTH = 16;

/** The state behind a consolidation: what was consolidated counts, not what was merely published. */
export function lakeState({ sessions, outside }: Pick<ConsolidationCheckpoint, 'sessions' | 'outside'>): LakeState {
  const dates = [...new Set([...Object.keys(sessions), ...Object.keys(outside)])].sort();
  const token = (date: string) =>
    [sessions[date]?.checksum.slice(0, TOKEN_LENGTH), outside[date]].filter(Boolean).join('+');
  const tokens = new Map(dates.map((date) => [date, token(date)]));
  return {
    tokens,
    text: sessionText(tokens),
    outside: new Set(Object.keys(outside)),
    newest: dates.at(-1),
  };
}
