import { randomUUID } from 'node:crypto';
import * as z from 'zod';
import { ACCOUNT, REGION } from './account.ts';
import { compilePattern, type EventPattern } from './event-pattern.ts';
import { jsonRoute, type Routes } from './route.ts';

export { matches } from './event-pattern.ts';

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
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : undefined;
  } catch {
    return undefined;
  }
}
