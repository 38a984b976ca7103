import { dateOf, dayNumber, weekdayOf } from './dates.ts';

/**
 * The recurring NYSE holidays, as rules. Sources: NYSE Rule 7.2 for today's; the exchange's list of special
 * closings (nyse.com/pdfs/closings.pdf) and pandas_market_calendars' reading of it for the years before 1990.
 */
interface Rule {
  name: string;
  from?: number;
  to?: number;
  /** Day number of the feast itself in that year. */
  on: (year: number) => number;
  moves?: (year: number) => Move;
}

/** What happens to a feast on a weekend: kept on the next Monday only, or on the nearest weekday. */
type Move = 'sunday' | 'nearest';

const [MONDAY, TUESDAY, THURSDAY] = [1, 2, 4];
const SUNDAY_ONLY = (): Move => 'sunday';
const NEAREST = (): Move => 'nearest';
/** Saturdays count from 1964 on. 1970-05-29 was a session: Memorial Day was about to become a Monday. */
const NEAREST_SINCE_1964 = (year: number): Move => (year >= 1964 && year !== 1970 ? 'nearest' : 'sunday');

const RULES: Rule[] = [
  // A Saturday is not kept: the Friday before ends the accounting year, so 2021-12-31 was a session.
  { name: "New Year's Day", on: fixed(1, 1), moves: SUNDAY_ONLY },
  { name: 'Martin Luther King Jr. Day', from: 1998, on: nth(3, MONDAY, 1) },
  { name: "Washington's Birthday", to: 1970, on: fixed(2, 22), moves: NEAREST_SINCE_1964 },
  { name: "Washington's Birthday", from: 1971, on: nth(3, MONDAY, 2) },
  { name: 'Good Friday', on: (year) => easter(year) - 2 },
  { name: 'Memorial Day', to: 1970, on: fixed(5, 30), moves: NEAREST_SINCE_1964 },
  { name: 'Memorial Day', from: 1971, on: (year) => weekdayFrom(dayNumber(year, 5, 25), MONDAY) },
  { name: 'Juneteenth', from: 2022, on: fixed(6, 19), moves: NEAREST },
  { name: 'Independence Day', on: fixed(7, 4), moves: NEAREST },
  { name: 'Labor Day', on: nth(1, MONDAY, 9) },
  // Every year's Election Day up to 1968, then the presidential ones; none after 1980.
  { name: 'Election Day', to: 1968, on: electionDay },
  ...[1972, 1976, 1980].map((year) => ({ name: 'Election Day', from: year, to: year, on: electionDay })),
  { name: 'Thanksgiving Day', on: thanksgiving },
  { name: 'Christmas Day', on: fixed(12, 25), moves: NEAREST },
];

/**
 * The holidays of one year (1961 or later) that close the exchange on a weekday: date → name, with
 * ` (observed)` behind the name when the closed day is not the feast itself.
 */
export function holidaysOf(year: number): Map<string, string> {
  const holidays = new Map<string, string>();
  for (const { name, from = 0, to = Number.POSITIVE_INFINITY, on, moves } of RULES) {
    if (year < from || year > to) continue;
    const feast = on(year);
    const kept = moves === undefined ? feast : observed(feast, moves(year));
    if (kept !== undefined) holidays.set(dateOf(kept), kept === feast ? name : `${name} (observed)`);
  }
  return holidays;
}

/** Day number of Thanksgiving: the fourth Thursday of November. */
export function thanksgiving(year: number): number {
  return weekdayFrom(dayNumber(year, 11, 22), THURSDAY);
}

function observed(feast: number, move: Move): number | undefined {
  const weekday = weekdayOf(feast);
  if (weekday === 0) return feast + 1;
  if (weekday === 6) return move === 'nearest' ? feast - 1 : undefined;
  return feast;
}

function fixed(month: number, day: number): (year: number) => number {
  return (year) => dayNumber(year, month, day);
}

function nth(n: number, weekday: number, month: number): (year: number) => number {
  return (year) => weekdayFrom(dayNumber(year, month, 1 + 7 * (n - 1)), weekday);
}

/** The Tuesday after the first Monday of November. */
function electionDay(year: number): number {
  return weekdayFrom(dayNumber(year, 11, 2), TUESDAY);
}

/** The first such weekday on or after a day. */
function weekdayFrom(day: number, weekday: number): number {
  return day + ((weekday - weekdayOf(day) + 7) % 7);
}

/** Easter Sunday of the Gregorian calendar, by the "anonymous" computus (Nature, 20 April 1876). */
function easter(year: number): number {
  const golden = year % 19;
  const century = Math.floor(year / 100);
  const inCentury = year % 100;
  const lunar = Math.floor((century - Math.floor((century + 8) / 25) + 1) / 3);
  const epact = (19 * golden + century - Math.floor(century / 4) - lunar + 15) % 30;
  const toSunday = (32 + 2 * (century % 4) + 2 * Math.floor(inCentury / 4) - epact - (inCentury % 4)) % 7;
  const late = Math.floor((golden + 11 * epact + 22 * toSunday) / 451);
  const march = epact + toSunday - 7 * late + 22;
  return dayNumber(year, 3, march);
}
