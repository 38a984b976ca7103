import { readDay } from '../calendar/dates.ts';
import { NamedError } from '../errors.ts';
import { dateOfKey, type Lake, listAll } from './lake.ts';
import { decodeRows, type Row } from './parquet.ts';
import { corruptFile } from './parquet-columns.ts';
import { knownToBars } from './silver.ts';

export interface PriceSplit {
  symbol: string;
  /** First session on the new basis, YYYY-MM-DD. */
  execution_date: string;
  /** `from` old shares became `to` new ones. */
  split_from: number;
  split_to: number;
}

/** Bars of a symbol from one day to the day before another are multiplied by `factor` (volumes divided by it). */
export interface FactorSpan {
  /** Days since 1970; `to` is not in it. */
  from: number;
  to: number;
  factor: number;
}

const BEGINNING = -1_000_000;

/** One `reference/splits/` snapshot. */
export interface SplitsList {
  /** YYYY-MM-DD; undefined while no list was ever stored. */
  date: string | undefined;
  splits: PriceSplit[];
}

/** The splits of the newest list, as readSplitsList reads it. */
export async function readSplits(lake: Lake): Promise<PriceSplit[]> {
  return (await readSplitsList(lake)).splits;
}

/**
 * The newest `reference/splits/` snapshot. Columns beyond the four needed are ignored.
 * @throws Lake.Corrupt when the snapshot cannot be read or holds a ratio that is none, and when there is none although
 *   bars were adjusted by one: bars adjusted by half of the splits, or by none, would be silently wrong
 */
export async function readSplitsList(lake: Lake): Promise<SplitsList> {
  const key = (await listAll(lake, 'reference/splits/date='))
    .map(({ key }) => key)
    .filter((key) => key.endsWith('.parquet') && dateOfKey(key))
    .at(-1);
  const bytes = key && (await lake.read(key));
  if (!bytes) {
    await requireNoneKnown(lake);
    return { date: undefined, splits: [] };
  }
  const rows = await decodeRows(bytes, key, ['symbol', 'execution_date', 'split_from', 'split_to']);
  return { date: dateOfKey(key), splits: rows.map((row) => splitOf(row, key)) };
}

/** No list means no splits only where no checkpoint knows of one. */
async function requireNoneKnown(lake: Lake): Promise<void> {
  const known = Object.keys(await knownToBars(lake, 'splits'));
  if (known.length === 0) return;
  throw lostSplits('no list in reference/splits', known, 'the list they were adjusted by, or a newer one');
}

/** Splits that bars were adjusted by and no list has any more. */
export function lostSplits(found: string, symbols: readonly string[], wanted: string): NamedError {
  const named = symbols.slice(0, 3).join(', ') + (symbols.length > 3 ? ', …' : '');
  const of = symbols.length === 1 ? named : `${symbols.length} symbols (${named})`;
  return new NamedError('Lake.Corrupt', {
    what: `the splits of ${of} that N-session bars were adjusted by are gone`,
    found,
    wanted,
    todo: 'Nothing was changed. Put the file back, or fetch the list again: `npx afterbell run sync-splits`.',
  });
}

function splitOf(row: Row, key: string): PriceSplit {
  const { symbol, split_from, split_to } = row;
  const execution_date = String(row.execution_date).slice(0, 10);
  const sound = isRatio(split_from) && isRatio(split_to) && readDay(execution_date) !== undefined;
  if (typeof symbol === 'string' && sound) return { symbol, execution_date, split_from, split_to };
  throw corruptFile(key, `the split ${JSON.stringify(row)}`);
}

function isRatio(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value) && value > 0;
}

/**
 * Splits in force on a day, by symbol in order of their dates and, on one date, of their ratios, so that products are
 * the same to the last bit whatever the order of the list. A row that is there twice counts once. Pure.
 */
export function splitsInForce(splits: readonly PriceSplit[], newest: string | undefined): Map<string, PriceSplit[]> {
  const found = new Map<string, Map<string, PriceSplit>>();
  for (const split of splits) {
    // A split of tomorrow is known today, but prices are still quoted on the old basis.
    if (newest === undefined || split.execution_date > newest || split.split_from === split.split_to) continue;
    const own = found.get(split.symbol) ?? new Map<string, PriceSplit>();
    found.set(split.symbol, own.set(splitsText([split]), split));
  }
  return new Map([...found].map(([symbol, own]) => [symbol, [...own.values()].sort(inOrder)]));
}

function inOrder(a: PriceSplit, b: PriceSplit): number {
  if (a.execution_date !== b.execution_date) return a.execution_date < b.execution_date ? -1 : 1;
  return a.split_from - b.split_from || a.split_to - b.split_to;
}

/** What a symbol's bars were adjusted by, as one text. */
export function splitsText(splits: readonly PriceSplit[]): string {
  return splits
    .map(({ execution_date, split_from, split_to }) => `${execution_date} ${split_from}:${split_to}`)
    .join(' ');
}

/**
 * The days on an old basis with the product of all later splits of the same company: a split is that of the company
 * which carries the symbol on its day, and changes no bar of one before it. Pure.
 * @param changes days on which another company took the symbol over, in order
 */
export function factorSpans(splits: readonly PriceSplit[], changes: readonly number[] = []): FactorSpan[] {
  return [BEGINNING, ...changes].flatMap((from, place) => {
    const to = changes[place] ?? Number.POSITIVE_INFINITY;
    const own = splits.filter(({ execution_date }) => {
      const day = readDay(execution_date)!;
      return day > from && day < to;
    });
    return spansSince(from, own);
  });
}

function spansSince(beginning: number, splits: readonly PriceSplit[]): FactorSpan[] {
  const spans: FactorSpan[] = [];
  let [from, to] = [1, 1];
  for (let i = splits.length - 1; i >= 0; i--) {
    from *= splits[i]!.split_from;
    to *= splits[i]!.split_to;
    const before = splits[i - 1];
    spans.push({
      from: before ? readDay(before.execution_date)! : beginning,
      to: readDay(splits[i]!.execution_date)!,
      factor: from / to,
    });
  }
  return spans.reverse();
}
