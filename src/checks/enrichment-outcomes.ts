import { HOUR_MS } from '../calendar/dates.ts';
import type { Reason } from '../records/reason.ts';
import { percent } from './change-budget.ts';

/**
 * How the asking for one symbol ended: a value, none, not known (404), refused (400), outside of the plan, a row that
 * cannot be taken, or no answer.
 */
export type AttemptOutcome = 'ok' | 'empty' | 'unknown' | 'refused' | 'outside' | 'invalid' | 'failed';

/** Hours after which a symbol without a value is asked for again: a plan or a listing changes slowly. */
const AGAIN: Readonly<Record<Exclude<AttemptOutcome, 'ok'>, number>> = {
  empty: 7 * 24,
  unknown: 7 * 24,
  refused: 7 * 24,
  outside: 30 * 24,
  invalid: 20,
  failed: 20,
};
/** From so many symbols with a row on, rows without an answer are a sign of a mutilated answer. */
const KEPT_FROM = 20;
const KEPT_SHARE = 0.1;

/**
 * Pure: whom a night asks for. Symbols never asked for come first, in the order given, then those asked for longest
 * ago; one asked for lately is left alone. So no symbol is asked twice before every one was asked once.
 * @param now ms since 1970 @param refreshHours age at which a value is asked for again
 */
export function planEnrichment(
  universe: readonly string[],
  attempts: ReadonlyMap<string, { ending: string; at: number }>,
  { now, refreshHours }: { now: number; refreshHours: number },
): string[] {
  const never: string[] = [];
  const stale: { symbol: string; at: number }[] = [];
  for (const symbol of new Set(universe)) {
    const last = attempts.get(symbol);
    if (last === undefined) never.push(symbol);
    else if (now - last.at >= (AGAIN[last.ending as keyof typeof AGAIN] ?? refreshHours) * HOUR_MS) {
      stale.push({ symbol, at: last.at });
    }
  }
  stale.sort((a, b) => a.at - b.at || (a.symbol < b.symbol ? -1 : 1));
  return [...never, ...stale.map(({ symbol }) => symbol)];
}

/** Symbols a night may ask for: the setting, or what the slowest vendor's pace allows in the minutes given. */
export function enrichmentBudget(limits: {
  symbols: number;
  minutes: number;
  callsPerMinute: readonly number[];
}): number {
  const paces = limits.callsPerMinute.filter((calls) => calls > 0);
  return Math.max(1, Math.min(limits.symbols, ...paces.map((calls) => calls * limits.minutes)));
}

/** Symbols due that a bulk answer should have brought and the night's budget does not reach, with the reason. */
export interface BulkShort {
  waiting: number;
  why: string;
}

/**
 * Pure: whether a bulk answer lacks so many of the symbols that had a value before that it cannot be whole.
 * @param lacking due symbols with a value that are not in it @param answered symbols it has a value of
 */
export function isMutilated(lacking: number, answered: number): boolean {
  return lacking + answered >= KEPT_FROM && lacking > (lacking + answered) * KEPT_SHARE;
}

/** Why a vendor is not asked any more. */
export interface Refusal {
  /** Name of the error; absent for what an earlier state or version told in words. */
  error?: string | undefined;
  text: string;
}

/** What a sync came to so far. */
export interface Tally {
  endings: Partial<Record<AttemptOutcome, number>>;
  /** Symbols whose row stays although they have no value this time. */
  kept: number;
  /** The first symbol that could not be taken, with the reason. */
  first?: string;
  /** Symbols planned and not asked for. */
  left: number;
  /** Vendors given up for this night, with the reason. */
  down: Readonly<Record<string, Refusal>>;
  bulkShort?: BulkShort | undefined;
}

export interface EnrichmentVerdict {
  status: 'success' | 'partial' | 'failed';
  reasons: Reason[];
}

/** Pure: the word for one enrichment. That a vendor knows nothing of a symbol is no fault; that it fails is. */
export function judgeEnrichment(dataset: string, tally: Tally): EnrichmentVerdict {
  const { endings, kept, first, left, down, bulkShort } = tally;
  const { ok = 0, invalid = 0, failed = 0 } = endings;
  const asked = Object.values(endings).reduce((sum, count) => sum + count, 0);
  const reasons: Reason[] = [];
  const add = (text: string) => void reasons.push({ dataset, text: `${dataset}: ${text}` });
  if (asked + left === 0) return { status: 'success', reasons };
  for (const [vendor, { error, text }] of Object.entries(down)) {
    // An endpoint that a plan lacks is missing every night; it is worth a word only when nothing is left to ask.
    if (left > 0 || error !== 'Vendor.EndpointOutOfPlan') reasons.push({ dataset, error, text: `${vendor}: ${text}` });
  }
  if (left > 0) add(`${left} symbols were not asked for; the next run goes on with them`);
  if (bulkShort) {
    add(`${bulkShort.waiting} symbols wait for a later night; ${bulkShort.why}`);
  }
  if (invalid + failed > 0) add(`${invalid + failed} of ${asked} symbols could not be taken, first ${first}`);
  if (isMutilated(kept, ok)) {
    const share = percent(kept / (ok + kept));
    add(`${kept} symbols that have a row had no value this time (${share}); their rows stay`);
  }
  if (reasons.length === 0) return { status: 'success', reasons };
  const nothing = ok === 0 && (left > 0 || Object.keys(down).length > 0);
  return { status: nothing ? 'failed' : 'partial', reasons };
}
