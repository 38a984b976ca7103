import * as z from 'zod';
import type { ReasonDetail } from '../records/reason.ts';
import type { StageTiming } from '../records/run.ts';
import { counted, jsonOrUndefined } from '../text.ts';
import type { Night } from './night.ts';

/** When a part of the run began and ended, ISO; an execution started before an upgrade does not say. */
const span = { startedAt: z.string().optional(), endedAt: z.string().optional() };
/** A caught state's error as Step Functions gives it; the cause is often JSON in a string. */
const trouble = z.object({ state: z.string(), error: z.string(), cause: z.string(), ...span });
export type Trouble = z.output<typeof trouble>;

/** What the calls of a function used; an execution started before an upgrade does not say. */
const used = z
  .object({ calls: z.number(), gbSeconds: z.number(), reads: z.number(), writes: z.number() })
  .partial()
  .optional();
export type Used = NonNullable<z.output<typeof used>>;

const reasonDetail: z.ZodType<ReasonDetail> = z.object({
  dataset: z.string().optional(),
  session: z.string().optional(),
  symbol: z.string().optional(),
  error: z.string().optional(),
});

const syncPage = z.object({
  dataset: z.string(),
  status: z.enum(['success', 'partial', 'held', 'skipped', 'failed']),
  pages: z.number(),
  rows: z.number(),
  rejected: z.number(),
  new: z.number(),
  changed: z.number(),
  reasons: z.array(z.string()),
  reasonDetails: z.array(reasonDetail).optional(),
  notes: z.array(z.string()).optional(),
  failed: z.array(z.object({ symbol: z.string(), reason: z.string() })).optional(),
});

const synced = z.object({
  task: z.string(),
  ...span,
  seconds: z.number(),
  retries: z.number().optional(),
  page: syncPage.nullable(),
  used,
  trouble: trouble.nullable(),
  /** Not asked for: `trouble` is what took its vendor down before. */
  skipped: z.boolean().optional(),
});

const lane = z.object({ vendor: z.string(), results: z.array(synced) });

const staged = z.object({
  date: z.string(),
  status: z.enum(['staged', 'skipped', 'failed']),
  rows: z.number().default(0),
  rejected: z.number().default(0),
  reason: z.string().default(''),
  retries: z.number().optional(),
  used,
  trouble: trouble.nullish(),
  /** Not asked for: the sessions before it had shown that the vendor is down. */
  unasked: z.boolean().optional(),
});

const published = z.object({
  date: z.string(),
  rows: z.number(),
  new: z.number(),
  changed: z.number(),
  revised: z.number().optional(),
  removed: z.number(),
  rejected: z.number(),
  notes: z.array(z.string()).optional(),
  retries: z.number().optional(),
  used,
});

const unpublished = z.object({ date: z.string(), trouble, retries: z.number().optional() });

const checked = z.object({
  publish: z.array(z.string()),
  held: z.array(z.string()),
  unchanged: z.array(z.string()).optional(),
  holds: z.array(z.string()),
  /** The session of each; an execution started before an upgrade does not say. */
  holdDates: z.array(z.string()).optional(),
  notes: z.array(z.string()),
  releasing: z.object({ sessions: z.number(), changed: z.number(), removed: z.number() }).optional(),
  used,
});

const prices = z.object({
  ...span,
  seconds: z.number(),
  staged: z.array(staged),
  check: checked.nullable(),
  published: z.array(published),
  /** Checked and not published; they stay staged. */
  unpublished: z.array(unpublished).default([]),
  jobs: z.array(z.object({ task: z.string(), seconds: z.number(), ...span })),
  trouble: trouble.nullable(),
});

/** Everything Close Night is given: the plan, and what every part of the state machine came to. */
export const closeInput = z.object({
  night: z.custom<Night & { used?: Used }>((value) => typeof value === 'object' && value !== null && 'runId' in value),
  reference: z.array(lane),
  enriched: z.array(synced).default([]),
  prices,
  trouble: trouble.nullable(),
  /** The machine's own clock: one entry a state, in the order they ended. */
  stages: z
    .array(z.object({ state: z.string(), seconds: z.number(), retries: z.number(), error: z.string().nullable() }))
    .optional(),
});
export type CloseInput = z.output<typeof closeInput>;

/** A backfill chunk has 250 sessions; the graph needs only those that say something. */
const SHOWN_SESSIONS = 50;

/** Pure: what the machine's own variables say of every state up to Close Night, in the order they ended. */
export function stagesOf({ stages = [], reference, enriched, prices }: CloseInput): StageTiming[] {
  const pages = reference.flatMap(({ results }) =>
    results.map(({ task, seconds, retries = 0, page, trouble }): StageTiming => {
      const counted = page ? { pages: page.pages } : {};
      return { state: 'Sync Page', item: task, seconds, retries, ...counted, ...errorField(trouble?.error) };
    }),
  );
  const chunks = enriched.map(({ task, seconds, retries = 0, page, trouble }): StageTiming => {
    const counted = page ? { pages: page.pages } : {};
    return { state: 'Enrich Chunk', item: task, seconds, retries, ...counted, ...errorField(trouble?.error) };
  });
  const asked = prices.staged.filter(({ unasked }) => !unasked);
  const staged = asked.map(({ date, retries = 0, trouble }): StageTiming => {
    return { state: 'Stage Session', item: date, retries, ...errorField(trouble?.error) };
  });
  const published = prices.published.map(({ date, retries = 0 }): StageTiming => {
    return { state: 'Publish Session', item: date, retries };
  });
  const unpublished = prices.unpublished.map(({ date, retries = 0, trouble }): StageTiming => {
    return { state: 'Publish Session', item: date, retries, ...errorField(trouble.error) };
  });
  const own = stages.map(({ state, seconds, retries, error }): StageTiming => {
    return { state, seconds, retries, ...errorField(error ?? undefined) };
  });
  return [...own, ...pages, ...few(staged), ...few([...published, ...unpublished]), ...chunks];
}

/** Those that were retried or failed come first; the order among equals stays. */
function few(stages: readonly StageTiming[]): StageTiming[] {
  const weight = ({ retries, error }: StageTiming) => (error ? 2 : 0) + (retries > 0 ? 1 : 0);
  return [...stages].sort((a, b) => weight(b) - weight(a)).slice(0, SHOWN_SESSIONS);
}

function errorField(error: string | undefined): { error?: string } {
  return error ? { error } : {};
}

/** The human sentence in a cause: Lambda's errorMessage, a container's own last words, or the text as it is. */
export function causeText(cause: string): string {
  return readCause(cause).text;
}

/** The same, and with a container's own last words apart: the error's name, and its message. */
export function readCause(cause: string): { text: string; own?: OwnWords | undefined } {
  const parsed = readJsonText<{ errorMessage?: string; Container?: { Reason?: string }; StatusReason?: string }>(cause);
  const message = parsed ? parsed.errorMessage : cutMessage(cause);
  if (message !== undefined) return { text: message };
  const reason = parsed?.Container?.Reason;
  const own = ownWords(reason);
  return { text: own ? `${own.name}: ${own.message}` : (reason ?? parsed?.StatusReason ?? cause), own };
}

/** A cause that was cut to fit into a state is no JSON any more; its message stands near the front. */
function cutMessage(cause: string): string | undefined {
  const found = /^\{"errorType":"[^"]*","errorMessage":("(?:[^"\\]|\\.)*")/.exec(cause)?.[1];
  return found && (JSON.parse(found) as string);
}

interface OwnWords {
  name: string;
  message: string;
}

/** A job's last line is `{"name","message"}`. */
function ownWords(reason: string | undefined): OwnWords | undefined {
  const line = reason?.split('\n').findLast((text) => text.startsWith('{"name"'));
  return line === undefined ? undefined : readJsonText<OwnWords>(line);
}

/** Causes are cut at a length of the service's choosing; what is no JSON any more is shown as it is. */
function readJsonText<T>(text: string): T | undefined {
  return (jsonOrUndefined(text) as T | null) ?? undefined;
}

export function describe({ state, error, cause }: Trouble): string {
  return `${state}: ${error}: ${causeText(cause)}`;
}

/** Pure: how often a vendor that could not be reached was asked, and who asks next; nothing of other troubles. */
export function triedText(error: string, retries?: number): string {
  if (error !== 'Vendor.Unavailable') return '';
  const tries = retries === undefined ? 'Every try failed' : `${counted(retries + 1, 'try', 'tries')} failed`;
  return `. ${tries}; the next run asks again`;
}

/** What a trouble is to whoever reads fields: the container's own error, where it left one. */
export function errorOf({ error, cause }: Pick<Trouble, 'error' | 'cause'>): string {
  return readCause(cause).own?.name ?? error;
}
