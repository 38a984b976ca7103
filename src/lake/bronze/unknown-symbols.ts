import { heldSessions } from '../ingest.ts';
import type { Lake } from '../lake.ts';
import { storedBars } from '../session-file.ts';
import { openBase } from './base.ts';
import { takeInventory } from './inventory.ts';

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
  const open = (await heldSessions(lake)).filter(({ date, etag }) => checkpoint.sessions[date]?.etag !== etag);
  // Newest first: there a new listing is found soonest.
  for (const { date } of open.toReversed()) {
    if (unknown().length === 0) break;
    for (const { symbol } of await storedBars(lake, date)) known.add(symbol);
  }
  return { unknown: unknown(), known };
}
