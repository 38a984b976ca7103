import { sessionsBetween } from './calendar.ts';
import { addDays } from './dates.ts';

/** A day after whose close an index is put together again, as its owner announced it. */
export interface IndexEvent {
  index: string;
  /** The last session of the old members; the new ones count from the next. */
  date: string;
  name: string;
  source: string;
}

const NAME = 'Russell US Indexes reconstitution';
/** Section 4.2.3: "the fourth Friday in June and the second Friday in December"; Appendix F: after the close. */
const GROUND_RULES =
  'FTSE Russell, Russell US Equity Indexes, Construction & Methodology v7.2 (August 2026), 4.2.3 and Appendix F: lseg.com/content/dam/ftse-russell/en_us/documents/ground-rules/russell-us-indexes-construction-and-methodology.pdf';
/** In January 2025 the second one was announced for November; FTSE Russell has moved it to December since. */
const DECEMBER = `${GROUND_RULES}; lseg.com/en/ftse-russell/research/insights-from-the-november-2025-russell-us-indexes-parallel-run (2026-02-16)`;

const russell = (source: string, ...dates: string[]): IndexEvent[] =>
  dates.map((date) => ({ index: 'russell_2000', date, name: NAME, source }));

/**
 * Announced reconstitutions by date. A coming year is one more date at the end; a date that is missing costs a list
 * that is held back until a person has looked, nothing else.
 */
export const INDEX_EVENTS: readonly IndexEvent[] = [
  ...russell('FTSE Russell, schedule of the 2024 reconstitution (2024-03-01)', '2024-06-28'),
  ...russell('FTSE Russell, schedule of the 2025 reconstitution', '2025-06-27'),
  ...russell('FTSE Russell, schedule of the 2026 reconstitution', '2026-06-26'),
  ...russell(DECEMBER, '2026-12-11'),
  ...russell(GROUND_RULES, '2027-06-25', '2027-12-10', '2028-06-23', '2028-12-08', '2029-06-22', '2029-12-14'),
  ...russell(GROUND_RULES, '2030-06-28', '2030-12-13'),
];

/** A fund trades at the close of the day itself, but its file may show the last of the old members for so many sessions. */
const TRAILING_SESSIONS = 3;

/**
 * The announced event that explains what changed between two lists of an index: the later list is of the event's day
 * or a later one, the earlier list from before the fund had finished. The newest of several; undefined when there is none.
 * @param lists days (YYYY-MM-DD) of the earlier and of the later list
 */
export function indexEventBetween(index: string, lists: { earlier: string; later: string }): IndexEvent | undefined {
  return INDEX_EVENTS.findLast(
    (event) => event.index === index && event.date <= lists.later && lists.earlier < lastDayOf(event),
  );
}

/** The last day on which the fund's list may still be on its way from the old members to the new. */
function lastDayOf({ date }: IndexEvent): string {
  return sessionsBetween(date, addDays(date, 14))[TRAILING_SESSIONS]!;
}
