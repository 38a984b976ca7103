import { Cron } from 'croner';

/** When nights are started: EventBridge Scheduler's cron in a time zone. */
export interface Schedule {
  /** `cron(minute hour day month weekday year)` */
  expression: string;
  /** IANA name. */
  zone: string;
}

/**
 * Pure: the last start at or before an instant and the next one after it, as instants. Undefined for an expression
 * without a clock (`rate(…)`, `disabled`) or with a day that counts back from the month's end (`L-3`).
 */
export function startsAround({ expression, zone }: Schedule, now: Date): { last: Date; next: Date } | undefined {
  const cron = readCron(expression, zone);
  // Runs lie on whole seconds and before the instant asked for: from the next second on, one at this very instant counts.
  const [last] = cron?.previousRuns(1, new Date(Math.floor(now.getTime() / 1000 + 1) * 1000)) ?? [];
  const next = cron?.nextRun(now);
  return last && next ? { last, next } : undefined;
}

/** What has no clock to count from: a stage's schedule that is off, a rate, one instant. */
const WITHOUT_CLOCK = /^(disabled|rate\([1-9]\d{0,5} (minute|hour|day)s?\)|at\(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\))$/;
/** Days before the last one of a month, which EventBridge reads and croner does not. */
const DAYS_BEFORE_LAST = /^L-\d{1,2}$/;
const [FIRST_YEAR, LAST_YEAR] = [1970, 2199];
const WEEKDAYS = 'SUN MON TUE WED THU FRI SAT'.split(' ');

/** Pure: whether EventBridge Scheduler would take the expression, as far as its own text tells. */
export function isSchedule(expression: string): boolean {
  if (WITHOUT_CLOCK.test(expression)) return true;
  const fields = fieldsOf(expression);
  if (fields && DAYS_BEFORE_LAST.test(fields[2]!)) fields[2] = 'L';
  return fields !== undefined && readCron(`cron(${fields.join(' ')})`) !== undefined;
}

/** Pure: whether this computer knows the time zone. */
export function isTimeZone(zone: string): boolean {
  try {
    return new Intl.DateTimeFormat('en-US', { timeZone: zone }) !== undefined;
  } catch {
    return false;
  }
}

function fieldsOf(expression: string): string[] | undefined {
  const fields = /^cron\((.*)\)$/.exec(expression)?.[1]?.trim().split(/\s+/);
  return fields?.length === 6 ? fields : undefined;
}

/** EventBridge counts weekdays from 1, Sunday; croner from 0, so it is given their names. */
function readCron(expression: string, timezone?: string): Cron | undefined {
  const fields = fieldsOf(expression);
  if (!fields) return undefined;
  const years = fields[5]!.match(/\d{4,}/g) ?? [];
  if (years.some((year) => Number(year) < FIRST_YEAR || Number(year) > LAST_YEAR)) return undefined;
  fields[4] = fields[4]!.replace(/(?<![#/\d])\d+/g, (day) => WEEKDAYS[Number(day) - 1] ?? 'none');
  try {
    const options = { mode: '7-part', sloppyRanges: true, domAndDow: true, timezone } as const;
    return new Cron(['0', ...fields].join(' '), options);
  } catch {
    return undefined;
  }
}
