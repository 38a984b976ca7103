import { readDay } from '../calendar/dates.ts';
import { NamedError } from '../errors.ts';

/** How exported prices are adjusted; the words of `bars_adjusted`. */
export const ADJUSTMENTS = ['none', 'split', 'total_return'] as const;
export type Adjust = (typeof ADJUSTMENTS)[number];

/** Bars of one symbol as traded, by day, of whichever companies carried it. Days since 1970. */
export interface SymbolBars {
  day: Int32Array;
  open: Float64Array;
  high: Float64Array;
  low: Float64Array;
  close: Float64Array;
  volume: Float64Array;
  /** NaN where it is not known. */
  vwap: Float64Array;
}

/** A day of `corporate_actions`: old shares became new ones before its opening, and cash was paid for each new one. */
export interface Action {
  day: number;
  sharesFrom: number;
  sharesTo: number;
  cash: number;
  dividendFactor: number;
  /** The session from which its company carries the symbol; null: its first one. */
  companyFrom: number | null;
}

/** What is known of a symbol besides its bars. */
export interface SymbolFacts {
  /** Days on which another company took it over, in order. */
  takeovers: readonly number[];
  /** By day. */
  actions: readonly Action[];
  /** First session without it by the newest list; null: still listed, or not known. */
  endedOn: number | null;
}

export const NO_FACTS: SymbolFacts = { takeovers: [], actions: [], endedOn: null };

/** Every session from the first to the last of an export, by the exchange's calendar. */
export interface Sessions {
  dates: readonly string[];
  /** The same as days since 1970. */
  days: readonly number[];
  placeOf: ReadonlyMap<number, number>;
}

export function sessionsOf(dates: readonly string[]): Sessions {
  const days = dates.map((date) => readDay(date)!);
  return { dates, days, placeOf: new Map(days.map((day, place) => [day, place])) };
}

/** One company's bars under a symbol: the rows `from` to before `to`. No series of an export runs across two of them. */
export interface Company {
  symbol: string;
  /** 0: the last to carry the symbol; 1, 2, … the former ones, oldest first, so that a number stays whose it is. */
  former: number;
  bars: SymbolBars;
  from: number;
  to: number;
  actions: readonly Action[];
  /** Whether the symbol is still its own after the last bar. */
  isListed: boolean;
}

/** Pure: the companies that have a bar, in order. */
export function companiesIn(symbol: string, bars: SymbolBars, facts: SymbolFacts): Company[] {
  const starts: (number | null)[] = [null, ...facts.takeovers];
  const stretches = starts.map((start, place) => {
    const rowOf = (day: number | null | undefined, otherwise: number) =>
      day === null || day === undefined ? otherwise : firstRow(bars.day, day);
    return { start, from: rowOf(start, 0), to: rowOf(starts[place + 1], bars.day.length) };
  });
  const present = stretches.filter(({ from, to }) => from < to);
  return present.map(({ start, from, to }, place) => {
    const isLast = place === present.length - 1;
    return {
      symbol,
      former: isLast ? 0 : place + 1,
      bars,
      from,
      to,
      actions: facts.actions.filter(({ companyFrom }) => companyFrom === start),
      isListed: isLast && to === bars.day.length && facts.endedOn === null,
    };
  });
}

/** The first row of a day or a later one. */
function firstRow(days: Int32Array, day: number): number {
  const row = days.findIndex((one) => one >= day);
  return row < 0 ? days.length : row;
}

/** Factors of a bar: its prices are multiplied by both, its volume divided by the split's. */
export interface Factors {
  split: number;
  dividend: number;
}

/**
 * Pure: the factors of each row from `from` on, multiplied in the order of the view `adjustment_factors`, so that the
 * products are the same to the last bit.
 */
export function factorsFrom({ bars, to, actions }: Company, from: number, adjust: Adjust): Factors[] {
  const found = new Array<Factors>(to - from);
  const factorsOn = factorsBackwards(adjust === 'none' ? [] : actions);
  for (let row = to - 1; row >= from; row -= 1) {
    const { split, dividend } = factorsOn(bars.day[row]!);
    found[row - from] = { split, dividend: adjust === 'total_return' ? dividend : 1 };
  }
  return found;
}

/** Gives the factors of one day after another, the newest first: the products over every later action. */
export function factorsBackwards(actions: readonly Action[]): (day: number) => Factors {
  let [sharesFrom, sharesTo, dividend] = [1, 1, 1];
  let place = actions.length - 1;
  return (day) => {
    for (; place >= 0 && actions[place]!.day > day; place -= 1) {
      sharesFrom *= actions[place]!.sharesFrom;
      sharesTo *= actions[place]!.sharesTo;
      dividend *= actions[place]!.dividendFactor;
    }
    return { split: sharesFrom / sharesTo, dividend };
  };
}

/** The place of a day among the sessions. @throws Data.Invalid for a day that is none; the reader leaves those out */
export function placeIn({ placeOf }: Sessions, day: number): number {
  const place = placeOf.get(day);
  if (place === undefined) throw new NamedError('Data.Invalid', `day ${day} is no session of this export`);
  return place;
}
