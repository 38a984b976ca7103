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

/**
 * Pure: the same starts as systemd's OnCalendar writes them, in the schedule's own zone. Undefined for what systemd has no
 * words for (`L`, `15W`, `MON#1`, ranges that wrap) and for an expression without a clock.
 */
export function onCalendar({ expression, zone }: Schedule): string | undefined {
  const fields = isSchedule(expression) ? fieldsOf(expression) : undefined;
  if (!fields) return undefined;
  const [minute, hour, day, month, weekday, year] = [
    calendarField(fields[0]!, 0),
    calendarField(fields[1]!, 0),
    calendarField(fields[2]!, 1),
    calendarField(fields[3]!, 1),
    weekdaysOf(fields[4]!),
    calendarField(fields[5]!, FIRST_YEAR),
  ];
  const parts = [minute, hour, day, month, weekday, year];
  if (parts.includes(undefined)) return undefined;
  return `${weekday === '*' ? '' : `${weekday} `}${year}-${month}-${day} ${hour}:${minute}:00 ${zone}`;
}

/** `*`, `4`, `0,30`, `9-17`, `0/15`, `*` + `/15`; undefined for anything else. */
function calendarField(field: string, least: number): string | undefined {
  const items = field.split(',').map((item) => {
    const [, from = '', to, step] = /^(\*|\?|\d+)(?:-(\d+))?(?:\/(\d+))?$/.exec(item) ?? [];
    if (from === '' || (to !== undefined && !(Number(from) <= Number(to)))) return undefined;
    const any = from === '*' || from === '?';
    if (step === undefined) return any ? '*' : to === undefined ? from : `${from}..${to}`;
    return `${any ? least : from}${to === undefined ? '' : `..${to}`}/${step}`;
  });
  return items.includes(undefined) ? undefined : items.join(',');
}

function weekdaysOf(field: string): string | undefined {
  if (field === '*' || field === '?') return '*';
  const index = (day: string) => WEEKDAYS.indexOf(WEEKDAYS[Number(day) - 1] ?? day.toUpperCase());
  const names = field.split(',').flatMap((item) => {
    const [from = -1, to = from, ...more] = item.split('-').map(index);
    if (from < 0 || to < from || more.length > 0) return [undefined];
    return WEEKDAYS.slice(from, to + 1).map((name) => `${name[0]}${name.slice(1).toLowerCase()}`);
  });
  return names.includes(undefined) ? undefined : names.join(',');
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
