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

/**
 * Whole days on which the NYSE stayed shut outside its recurring holidays. A coming closure is one more entry at
 * the end: its date moves every later session number by one, so an entry is added before its day, never after a
 * night has numbered past it, or the windows from that day on are rebuilt.
 */
export interface Closure {
  dates: string[];
  reason: string;
  source: string;
}

/** The exchange's own list, 1885–2011 (nyse.com/pdfs/closings.pdf), in pandas_market_calendars' transcription. */
const NYSE_LIST = 'NYSE, Special Closings 1885–2011, by way of pandas_market_calendars (holidays/nyse.py)';
/** Also in the answers file of exchange_calendars, to which every session from 1990 on is tested. */
const ANSWERS = 'NYSE, Special Closings 1885–2011; exchange_calendars tests/resources/xnys.csv';

export const CLOSURES: Closure[] = [
  { dates: ['1961-05-29'], reason: 'Day before Decoration Day', source: NYSE_LIST },
  { dates: ['1963-11-25'], reason: 'Funeral of President John F. Kennedy', source: NYSE_LIST },
  { dates: ['1968-02-12'], reason: "Lincoln's Birthday (floor closed, offices open)", source: NYSE_LIST },
  { dates: ['1968-04-09'], reason: 'Day of Mourning for Martin Luther King Jr.', source: NYSE_LIST },
  // The four-day weeks of 12 June to 31 December 1968: every Wednesday, but in weeks with a holiday the holiday.
  {
    dates: [
      ...['1968-06-12', '1968-06-19', '1968-06-26', '1968-07-10', '1968-07-17', '1968-07-24', '1968-07-31'],
      ...['1968-08-07', '1968-08-14', '1968-08-21', '1968-08-28', '1968-09-11', '1968-09-18', '1968-09-25'],
      ...['1968-10-02', '1968-10-09', '1968-10-16', '1968-10-23', '1968-10-30', '1968-11-20', '1968-12-04'],
      ...['1968-12-11', '1968-12-18'],
    ],
    reason: 'Paperwork crisis (four-day week)',
    source: NYSE_LIST,
  },
  { dates: ['1968-07-05'], reason: 'Day after Independence Day', source: NYSE_LIST },
  { dates: ['1968-11-11'], reason: 'Veterans Day', source: NYSE_LIST },
  { dates: ['1969-02-10'], reason: 'Heavy snow', source: NYSE_LIST },
  { dates: ['1969-03-31'], reason: 'Funeral of President Dwight D. Eisenhower', source: NYSE_LIST },
  { dates: ['1969-07-21'], reason: 'First lunar landing (National Day of Participation)', source: NYSE_LIST },
  { dates: ['1972-12-28'], reason: 'Funeral of President Harry S. Truman', source: NYSE_LIST },
  { dates: ['1973-01-25'], reason: 'Funeral of President Lyndon B. Johnson', source: NYSE_LIST },
  { dates: ['1977-07-14'], reason: 'New York City blackout', source: NYSE_LIST },
  { dates: ['1985-09-27'], reason: 'Hurricane Gloria', source: NYSE_LIST },
  { dates: ['1994-04-27'], reason: 'Funeral of President Richard M. Nixon', source: ANSWERS },
  {
    dates: ['2001-09-11', '2001-09-12', '2001-09-13', '2001-09-14'],
    reason: 'Attacks of September 11',
    source: ANSWERS,
  },
  { dates: ['2004-06-11'], reason: 'National Day of Mourning for President Ronald Reagan', source: ANSWERS },
  { dates: ['2007-01-02'], reason: 'National Day of Mourning for President Gerald R. Ford', source: ANSWERS },
  {
    dates: ['2012-10-29', '2012-10-30'],
    reason: 'Hurricane Sandy',
    source: 'exchange_calendars tests/resources/xnys.csv',
  },
  {
    dates: ['2018-12-05'],
    reason: 'National Day of Mourning for President George H. W. Bush',
    source: 'exchange_calendars tests/resources/xnys.csv',
  },
  {
    dates: ['2025-01-09'],
    reason: 'National Day of Mourning for President Jimmy Carter',
    source: 'NYSE Group announcement of 2024-12-30',
  },
];
