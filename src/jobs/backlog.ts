import { isSameCalendar } from '../calendar/calendar.ts';
import { isNamed } from '../errors.ts';
import type { Lake } from '../lake/lake.ts';
import { publishedSessions, storedBars, usableIngest } from '../lake/session-files.ts';
import { readSilverCheckpoint } from '../lake/silver.ts';
import { readSplitsList } from '../lake/splits-list.ts';
import { readSymbolHistory } from '../lake/symbol-history-file.ts';
import { openBase, readConsolidated, readManifest } from './consolidate/consolidation-state.ts';
import { takeInventory } from './consolidate/inventory.ts';
import { basisOf, differing } from './resample/lake-state.ts';

/**
 * Whether a published session is not in the histories yet, or the bars of one of these intervals do not follow what
 * they are made of: a run was killed after it published and before its jobs had ended, or the calendar learnt of a
 * closure.
 */
export async function jobsAreBehind(lake: Lake, intervals: readonly number[]): Promise<boolean> {
  const held = await publishedSessions(lake);
  if (held.length === 0) return false;
  const consolidated = await readConsolidated(lake);
  if (!consolidated?.sessions || !consolidated.outside) return true;
  for (const { date, etag } of held) {
    const known = consolidated.sessions[date];
    // A copied home has other etags and the same content.
    if (known?.etag !== etag && known?.checksum !== (await usableIngest(lake, date))?.checksum) return true;
  }
  return barsAreBehind(lake, intervals);
}

/** Whether the bars of one of these intervals were made of other histories, splits or companies, or by another calendar. */
export async function barsAreBehind(lake: Lake, intervals: readonly number[]): Promise<boolean> {
  try {
    const [consolidated, manifest] = await Promise.all([readConsolidated(lake), readManifest(lake)]);
    if (!consolidated?.sessions || !manifest) return false;
    const [list, history] = await Promise.all([readSplitsList(lake), readSymbolHistory(lake)]);
    const { state, splits, companies } = basisOf(consolidated, manifest, list, history);
    for (const interval of intervals) {
      const checkpoint = await readSilverCheckpoint(lake, interval);
      if (checkpoint?.sessions !== state.text || differing(checkpoint.splits, splits).length > 0) return true;
      if (differing(checkpoint.companies ?? {}, companies).length > 0) return true;
      if (!checkpoint.calendar || !isSameCalendar(checkpoint.calendar)) return true;
    }
    return false;
  } catch (error) {
    // Whatever is damaged or lost, the job names it.
    if (isNamed(error, 'Lake.Corrupt')) return true;
    throw error;
  }
}

/**
 * Which of these symbols a consolidation would find nothing of: no history, no date file, no bar in a session that is
 * not merged yet. `known` has every symbol met on the way, to tell from what may have been meant.
 * @throws Lake.Corrupt for a damaged session or checkpoint
 */
export async function unknownSymbols(
  lake: Lake,
  symbols: readonly string[],
): Promise<{ unknown: string[]; known: ReadonlySet<string> }> {
  const [{ histories, dateFiles }, { manifest, checkpoint }] = await Promise.all([takeInventory(lake), openBase(lake)]);
  const known = new Set([...manifest.keys(), ...histories, ...dateFiles.keys(), ...Object.keys(checkpoint.failed)]);
  const unknown = () => symbols.filter((symbol) => !known.has(symbol));
  const open = (await publishedSessions(lake)).filter(({ date, etag }) => checkpoint.sessions[date]?.etag !== etag);
  // Newest first: there a new listing is found soonest.
  for (const { date } of open.toReversed()) {
    if (unknown().length === 0) break;
    for (const { symbol } of await storedBars(lake, date)) known.add(symbol);
  }
  return { unknown: unknown(), known };
}
