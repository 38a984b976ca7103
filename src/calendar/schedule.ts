/** When nights are started: EventBridge Scheduler's cron in a time zone. */
export interface Schedule {
  /** `cron(minute hour day month weekday year)` */
  expression: string;
  /** IANA name. */
  zone: string;
}

const DAY_MS = 86_400_000;
/** 29 February comes again after eight years at most. */
const DAYS = 8 * 366;
const MONTHS = 'JAN FEB MAR APR MAY JUN JUL AUG SEP OCT NOV DEC'.split(' ');
const WEEKDAYS = 'SUN MON TUE WED THU FRI SAT'.split(' ');

interface Cron {
  times: { hour: number; minute: number }[];
  isOn(date: Date): boolean;
}

/**
 * Pure: the last start at or before an instant and the next one after it, as instants. Undefined for an expression
 * without a clock (`rate(…)`, `disabled`) or with a day this does not read (`L`, `W`, `#`).
 */
export function startsAround({ expression, zone }: Schedule, now: Date): { last: Date; next: Date } | undefined {
  const cron = readCron(expression);
  if (!cron) return undefined;
  const ms = now.getTime();
  const today = Date.UTC(...(partsIn(zone, ms).slice(0, 3) as [number, number, number]));
  const find = (step: 1 | -1, fits: (instant: number) => boolean) => {
    for (let day = 0; day < DAYS; day += 1) {
      const date = new Date(today + step * day * DAY_MS);
      if (!cron.isOn(date)) continue;
      const times = step === 1 ? cron.times : cron.times.toReversed();
      const found = times.map((time) => instantIn(zone, date, time)).find(fits);
      if (found !== undefined) return new Date(found);
    }
    return undefined;
  };
  const last = find(-1, (instant) => instant <= ms);
  const next = find(1, (instant) => instant > ms);
  return last && next && { last, next };
}

/** What has no clock to count from: a stage's schedule that is off, a rate, one instant. */
const WITHOUT_CLOCK = /^(disabled|rate\([1-9]\d{0,5} (minute|hour|day)s?\)|at\(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\))$/;
/** Last days, nearest weekdays and n-th weekdays, which EventBridge reads and this does not. */
const OTHER_DAY = /^(L|LW|L-\d{1,2}|([1-9]|[12]\d|3[01])W)$/;
const OTHER_WEEKDAY = /^(L|([1-7]|SUN|MON|TUE|WED|THU|FRI|SAT)(L|#[1-5]))$/i;

/** Pure: whether EventBridge Scheduler would take the expression, as far as its own text tells. */
export function isSchedule(expression: string): boolean {
  if (WITHOUT_CLOCK.test(expression)) return true;
  const fields = fieldsOf(expression);
  if (!fields) return false;
  const [day, weekday] = [fields[2]!, fields[4]!];
  if (OTHER_DAY.test(day)) fields[2] = '?';
  if (OTHER_WEEKDAY.test(weekday)) fields[4] = '?';
  return readCron(`cron(${fields.join(' ')})`) !== undefined;
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

function readCron(expression: string): Cron | undefined {
  const fields = fieldsOf(expression);
  if (!fields) return undefined;
  const [minute, hour, day, month, weekday, year] = [
    readField(fields[0]!, 0, 59),
    readField(fields[1]!, 0, 23),
    readField(fields[2]!, 1, 31),
    readField(fields[3]!, 1, 12, MONTHS, 1),
    readField(fields[4]!, 1, 7, WEEKDAYS, 1),
    readField(fields[5]!, 1970, 2199),
  ];
  if (!minute || !hour || !day || !month || !weekday || !year) return undefined;
  return {
    times: [...hour].flatMap((h) => [...minute].map((m) => ({ hour: h, minute: m }))),
    isOn: (date) =>
      day.has(date.getUTCDate()) &&
      month.has(date.getUTCMonth() + 1) &&
      weekday.has(date.getUTCDay() + 1) &&
      year.has(date.getUTCFullYear()),
  };
}

/** `*`, `?`, `4`, `MON-FRI`, `0/15`, and lists of these, in order. */
function readField(text: string, min: number, max: number, names: string[] = [], first = 0): Set<number> | undefined {
  const values = new Set<number>();
  const read = (word: string) => {
    const named = names.indexOf(word.toUpperCase());
    return named >= 0 ? named + first : /^\d+$/.test(word) ? Number(word) : Number.NaN;
  };
  for (const part of text.split(',')) {
    const [range = '', step = '1'] = part.split('/');
    const [from = '', to = part.includes('/') ? String(max) : from] = range.split('-');
    const any = range === '*' || range === '?';
    const [low, high, by] = [
      any ? min : read(from),
      any ? max : read(to),
      /^\d+$/.test(step) ? Number(step) : Number.NaN,
    ];
    if (!(low >= min && high <= max && low <= high && by >= 1)) return undefined;
    for (let value = low; value <= high; value += by) values.add(value);
  }
  return new Set([...values].sort((a, b) => a - b));
}

/** The instant at which the zone's clocks show a time of a day (UTC midnight of its date). */
function instantIn(zone: string, date: Date, { hour, minute }: { hour: number; minute: number }): number {
  const wanted = date.getTime() + (hour * 60 + minute) * 60_000;
  const offset = (ms: number) => Date.UTC(...partsIn(zone, ms)) - ms;
  // Once more, as the first guess may lie on the other side of a change of clocks.
  return wanted - offset(wanted - offset(wanted));
}

/** Year, month from 0, day, hour, minute, as the zone's clocks show an instant. */
function partsIn(zone: string, ms: number): [number, number, number, number, number] {
  const clock = new Intl.DateTimeFormat('en-US', {
    timeZone: zone,
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
  });
  const part = Object.fromEntries(clock.formatToParts(ms).map(({ type, value }) => [type, Number(value)]));
  return [part.year!, part.month! - 1, part.day!, part.hour!, part.minute!];
}
