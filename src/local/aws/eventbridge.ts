import { randomUUID } from 'node:crypto';
import * as z from 'zod';
import { NamedError } from '../../errors.ts';
import { jsonFrom } from '../../text.ts';
import { ACCOUNT, REGION } from './environment.ts';
import { jsonRoute, type Routes } from './protocol.ts';

/** An event as EventBridge hands it to a target. */
export interface BusEvent {
  version: '0';
  id: string;
  'detail-type': string;
  source: string;
  account: string;
  /** ISO UTC, whole seconds as on AWS. */
  time: string;
  region: string;
  resources: string[];
  detail: Record<string, unknown>;
}

export interface EventsOptions {
  /** Rule patterns by rule name. */
  rules: Record<string, EventPattern>;
  /** Called for every accepted event, also when no rule matched; PutEvents does not wait for it. */
  onEvent: (event: BusEvent, matchedRuleNames: string[]) => Promise<void> | void;
  now?: () => Date;
  /** Whether the bus is too busy to take the next entry; never unless given. */
  isBusy?: () => boolean;
  /** Name of the one bus there is; `default` unless given. */
  bus?: string;
}

const Entry = z.strictObject({
  Time: z.number().optional(),
  Source: z.string().optional(),
  Resources: z.array(z.string()).optional(),
  DetailType: z.string().optional(),
  Detail: z.string().optional(),
  EventBusName: z.string().optional(),
  TraceHeader: z.string().optional(),
});
type Entry = z.infer<typeof Entry>;
const PutEvents = z.strictObject({ Entries: z.array(Entry).min(1).max(10) });

interface EntryProblem {
  ErrorCode: string;
  ErrorMessage: string;
}

/** EventBridge PutEvents on one bus. A bad entry is reported in its place; the others go out. */
export function eventsRoutes(options: EventsOptions, onError: (error: unknown, during: string) => void): Routes {
  const rules = Object.entries(options.rules).map(([name, pattern]) => ({
    name,
    fits: compilePattern(pattern, `rule ${name}`),
  }));
  const now = options.now ?? (() => new Date());
  return {
    'AWSEvents.PutEvents': jsonRoute(PutEvents, ({ Entries }) => {
      const results = Entries.map((entry) => {
        const event = busEvent(entry, now(), options.bus ?? 'default');
        if ('ErrorCode' in event) return event;
        if (options.isBusy?.()) return problem('ThrottlingException', 'Rate exceeded');
        const matched = rules.filter(({ fits }) => fits(event)).map(({ name }) => name);
        Promise.resolve()
          .then(() => options.onEvent(event, matched))
          .catch((error: unknown) => onError(error, `event ${event['detail-type']}`));
        return { EventId: event.id };
      });
      return { FailedEntryCount: results.filter((result) => 'ErrorCode' in result).length, Entries: results };
    }),
  };
}

function busEvent(entry: Entry, now: Date, bus: string): BusEvent | EntryProblem {
  for (const field of ['Source', 'DetailType', 'Detail'] as const) {
    if (!entry[field]) return problem('InvalidArgument', `Parameter ${field} is not valid. Reason: it is required`);
  }
  const { Source = '', DetailType = '', Detail = '', EventBusName = 'default' } = entry;
  if (Source.startsWith('aws.')) return problem('NotAuthorizedForSourceException', 'Not authorized for the source.');
  if (EventBusName !== bus && !EventBusName.endsWith(`:event-bus/${bus}`)) {
    return problem('ResourceNotFoundException', `Event bus ${EventBusName} does not exist.`);
  }
  const detail = jsonObject(Detail);
  if (!detail) return problem('MalformedDetail', 'Detail is malformed.');
  const time = entry.Time === undefined ? now : new Date(entry.Time * 1000);
  if (Number.isNaN(time.getTime())) return problem('InvalidArgument', 'Parameter Time is not valid.');
  return {
    version: '0',
    id: randomUUID(),
    'detail-type': DetailType,
    source: Source,
    account: ACCOUNT,
    time: time.toISOString().replace(/\.\d+Z$/, 'Z'),
    region: REGION,
    resources: entry.Resources ?? [],
    detail,
  };
}

function problem(ErrorCode: string, ErrorMessage: string): EntryProblem {
  return { ErrorCode, ErrorMessage };
}

function jsonObject(text: string): Record<string, unknown> | undefined {
  try {
    const value = jsonFrom(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : undefined;
  } catch {
    return undefined;
  }
}

/** An EventBridge event pattern: nested objects whose leaves are lists of accepted values or matchers. */
export interface EventPattern {
  [field: string]: EventPattern | readonly unknown[];
}

type Test = (value: unknown) => boolean;

/**
 * True when `event` fits `pattern` by EventBridge's rules: every field of the pattern must match, a leaf
 * matches when any of its entries does, and an array in the event matches when any of its elements does.
 * Known matchers: plain values, `prefix`, `suffix`, `anything-but` (values, prefix, suffix), `exists`,
 * `numeric`, `equals-ignore-case`, and `$or`.
 * @throws NamedError Config.Invalid for a matcher it does not know
 */
export function matches(pattern: EventPattern, event: unknown): boolean {
  return compilePattern(pattern)(event);
}

/** The same as a reusable test; every matcher is checked here, before the first event. */
export function compilePattern(pattern: EventPattern, place = 'pattern'): Test {
  const tests = Object.entries(objectAt(pattern, place)).map(([field, wanted]): Test => {
    const at = `${place}.${field}`;
    if (field === '$or') {
      const choices = (Array.isArray(wanted) ? wanted : []).map((choice, index) =>
        compilePattern(choice as EventPattern, `${at}[${index}]`),
      );
      if (choices.length < 2) throw unknownMatcher(at, wanted);
      return (event) => choices.some((fits) => fits(event));
    }
    const test = Array.isArray(wanted) ? leafTest(wanted, at) : compilePattern(objectAt(wanted, at), at);
    return (event) => test(fieldOf(event, field));
  });
  if (tests.length === 0) throw unknownMatcher(place, pattern);
  return (event) => tests.every((test) => test(event));
}

function leafTest(entries: readonly unknown[], place: string): Test {
  if (entries.length === 0) throw unknownMatcher(place, entries);
  const tests = entries.map((entry) => entryTest(entry, place));
  return (value) => tests.some((test) => test(value));
}

/** `exists` looks at the field as a whole; every other matcher at each element of an array. */
function entryTest(entry: unknown, place: string): Test {
  if (isObject(entry) && 'exists' in entry) {
    if (typeof entry.exists !== 'boolean' || Object.keys(entry).length !== 1) throw unknownMatcher(place, entry);
    const { exists } = entry;
    return (value) => (value !== undefined && !isObject(value)) === exists;
  }
  const test = isObject(entry) ? matcherTest(entry, place) : plainTest(entry, place);
  return (value) => (Array.isArray(value) ? value.some(test) : test(value));
}

function plainTest(wanted: unknown, place: string): Test {
  if (wanted !== null && !['string', 'number', 'boolean'].includes(typeof wanted)) throw unknownMatcher(place, wanted);
  return (value) => value === wanted;
}

function matcherTest(matcher: Record<string, unknown>, place: string): Test {
  const [[kind, wanted] = ['', undefined], ...others] = Object.entries(matcher);
  if (others.length > 0) throw unknownMatcher(place, matcher);
  if (kind === 'prefix' && typeof wanted === 'string') return text((value) => value.startsWith(wanted));
  if (kind === 'suffix' && typeof wanted === 'string') return text((value) => value.endsWith(wanted));
  if (kind === 'equals-ignore-case' && typeof wanted === 'string') {
    return text((value) => value.toLowerCase() === wanted.toLowerCase());
  }
  if (kind === 'numeric' && Array.isArray(wanted)) return numericTest(wanted, place);
  if (kind === 'anything-but') return anythingBut(wanted, place);
  throw unknownMatcher(place, matcher);
}

function anythingBut(wanted: unknown, place: string): Test {
  const unwanted = isObject(wanted) ? spread(wanted) : Array.isArray(wanted) ? wanted : [wanted];
  if (unwanted.length === 0) throw unknownMatcher(place, wanted);
  const tests = unwanted.map((entry) => (isObject(entry) ? matcherTest(entry, place) : plainTest(entry, place)));
  // An absent field is not "anything": EventBridge wants it to be there.
  return (value) => value !== undefined && !isObject(value) && !tests.some((test) => test(value));
}

/** `{prefix: ['a', 'b']}` means either prefix. */
function spread(matcher: Record<string, unknown>): Record<string, unknown>[] {
  return Object.entries(matcher).flatMap(([kind, wanted]) =>
    (Array.isArray(wanted) ? wanted : [wanted]).map((one) => ({ [kind]: one })),
  );
}

const COMPARISONS: Record<string, (value: number, bound: number) => boolean> = {
  '=': (value, bound) => value === bound,
  '<': (value, bound) => value < bound,
  '<=': (value, bound) => value <= bound,
  '>': (value, bound) => value > bound,
  '>=': (value, bound) => value >= bound,
};

function numericTest(terms: readonly unknown[], place: string): Test {
  if (terms.length !== 2 && terms.length !== 4) throw unknownMatcher(place, { numeric: terms });
  const tests: ((value: number) => boolean)[] = [];
  for (let i = 0; i < terms.length; i += 2) {
    const [sign, bound] = [terms[i], terms[i + 1]];
    const compare = typeof sign === 'string' && Object.hasOwn(COMPARISONS, sign) ? COMPARISONS[sign] : undefined;
    if (!compare || typeof bound !== 'number') throw unknownMatcher(place, { numeric: terms });
    tests.push((value) => compare(value, bound));
  }
  return (value) => typeof value === 'number' && tests.every((test) => test(value));
}

function text(test: (value: string) => boolean): Test {
  return (value) => typeof value === 'string' && test(value);
}

function fieldOf(event: unknown, field: string): unknown {
  return isObject(event) && Object.hasOwn(event, field) ? event[field] : undefined;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function objectAt(value: unknown, place: string): EventPattern {
  if (!isObject(value)) throw unknownMatcher(place, value);
  return value as EventPattern;
}

function unknownMatcher(place: string, found: unknown): NamedError {
  return new NamedError('Config.Invalid', {
    what: `The event pattern cannot be matched at ${place}`,
    found: JSON.stringify(found),
    wanted: 'a non-empty list of values, prefix, suffix, anything-but, exists, numeric or equals-ignore-case',
  });
}
