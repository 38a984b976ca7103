import { NamedError } from '../errors.ts';
import { encodeBars } from '../lake/bars.ts';
import { readIngest } from '../lake/ingest.ts';
import { keys } from '../lake/keys.ts';
import type { Lake } from '../lake/lake.ts';
import { recordSession, storedBars } from '../lake/session-file.ts';
import { type Bar, sameValues } from '../records/bar.ts';
import { deletePrices, oldPriceSessions, priceRows, priceSymbols } from '../warehouse/old-prices.ts';
import type { Stores } from './stores.ts';

/** Sessions looked up at once; a year and more. */
const SESSIONS = 300;

export interface RetentionResult {
  /** Nothing older than the cutoff is left; else call again. */
  done: boolean;
  /** First date that stays. */
  cutoff: string;
  sessions: number;
  deleted: number;
  /** Rows the lake did not have; they lie in its session files now. */
  savedToLake: number;
}

/** Pure: the first date that stays when rows go at an age of so many years, counted from an instant (ISO). */
export function retentionCutoff(now: string, years: number): string {
  const [year, month, day] = now.slice(0, 10).split('-').map(Number) as [number, number, number];
  // 29 February lies on 1 March in a year without one: a day more is kept.
  return new Date(Date.UTC(year - years, month - 1, day)).toISOString().slice(0, 10);
}

/**
 * Removes rows of `stock_prices` that are older than the retention, session by session, oldest first. A row goes only
 * when the lake has its symbol and session; one it has not is written there and read back first. May be called again
 * at any point; ends early, with `done: false`, when `hasTime` says so.
 */
export async function applyRetention(
  { runId, openedAt, years }: { runId: string; openedAt: string; years: number },
  { lake, warehouse }: Pick<Stores, 'lake' | 'warehouse'>,
  hasTime: () => boolean = () => true,
): Promise<RetentionResult> {
  const cutoff = retentionCutoff(openedAt, years);
  const result: RetentionResult = { done: false, cutoff, sessions: 0, deleted: 0, savedToLake: 0 };
  for (;;) {
    const dates = await oldPriceSessions(warehouse, cutoff, SESSIONS);
    if (dates.length === 0) return { ...result, done: true };
    for (const date of dates) {
      if (!hasTime()) return result;
      const symbols = await priceSymbols(warehouse, date);
      result.savedToLake += await saveMissing(lake, date, symbols, { warehouse, runId, openedAt });
      result.deleted += await deletePrices(warehouse, date, symbols);
      result.sessions += 1;
    }
  }
}

/** Writes what the lake lacks of a session, and reads it back. @throws Lake.Corrupt when it is not there then */
async function saveMissing(
  lake: Lake,
  date: string,
  symbols: readonly string[],
  { warehouse, runId, openedAt }: { warehouse: Stores['warehouse']; runId: string; openedAt: string },
): Promise<number> {
  const stored = await storedBars(lake, date);
  const present = new Set(stored.map((bar) => bar.symbol));
  const missing = symbols.filter((symbol) => !present.has(symbol));
  const ingest = await readIngest(lake, date);
  // A call that was killed between the two writes below left a file with more rows than its manifest names.
  if (missing.length === 0 && (ingest?.rows ?? 0) === stored.length) return 0;
  const saved = await priceRows(warehouse, date, missing);
  const bars = [...stored, ...saved].sort((a, b) => (a.symbol < b.symbol ? -1 : 1));
  const bytes = encodeBars(bars);
  if (saved.length > 0) await lake.write(keys.session(date), bytes);
  await requireSaved(lake, date, saved);
  const origin = { rejected: 0, source: bars[0]!.source, runId, ingestedAt: openedAt };
  await recordSession(lake, date, { bars, bytes }, { ...origin, ...ingest }, ingest);
  return saved.length;
}

async function requireSaved(lake: Lake, date: string, saved: readonly Bar[]): Promise<void> {
  const found = new Map((await storedBars(lake, date)).map((bar) => [bar.symbol, bar]));
  const lost = saved.filter((bar) => {
    const read = found.get(bar.symbol);
    return !read || !sameValues(read, bar);
  });
  if (lost.length === 0) return;
  throw new NamedError('Lake.Corrupt', {
    what: `${keys.session(date)} does not hold the rows just written to it`,
    found: `${lost.length} of ${saved.length} missing, first ${lost[0]!.symbol}`,
    wanted: 'every row, before any is removed from stock_prices',
    todo: 'Nothing was removed. Run `afterbell verify`.',
  });
}
