import type { Logger } from '@aws-lambda-powertools/logger';
import * as z from 'zod';
import {
  type AttemptOutcome,
  isMutilated,
  judgeEnrichment,
  planEnrichment,
  type Refusal,
} from '../checks/enrichment-outcomes.ts';
import {
  type AskedVendor,
  type EnrichmentDataset,
  type EnrichmentPage,
  type EnrichmentRequest,
  type EnrichmentSource,
  type Progress,
  secretsOf,
} from '../datasets/dataset.ts';
import { isNamed, NamedError } from '../errors.ts';
import { claimLake } from '../lake/lake.ts';
import { count } from '../log.ts';
import { storedReasons } from '../records/reason.ts';
import type { Call, Stores } from '../stores.ts';
import { wellFormed } from '../text.ts';
import { type Enriched, type LastAttempt, readAttempts, readSkipped } from '../warehouse/enrichment.ts';
import { type Asks, askChunk } from './ask-vendors.ts';
import { keptLines, replaceQuarantine } from './quarantine.ts';
import { syncRequest } from './sync.ts';

/** Symbols between two durable steps. */
const CHUNK = 50;
/** Calls further apart than this are not waited for in here: a symbol or a few a step, and the state machine waits. */
const LONGEST_PACE_SECONDS = 2;
/** Steps that the state machine waits after; each has nine of the 25,000 events an execution may have on AWS. */
const MOST_PACED_STEPS = 800;
/** A chunk and two tries of its slowest call fit into this. */
const RESERVE_MS = 90_000;
const MAX_CONSECUTIVE_FAILURES = 3;
/** How long a vendor is left alone that names no time, by what it answered. */
const REST_SECONDS = { limited: 60, degraded: 30 };

export interface EnrichCall {
  signal?: AbortSignal;
  remainingMs: () => number;
  log?: Pick<Logger, 'info'>;
}

/**
 * Goes on with one enrichment until it is complete, the invocation's time is used up, or a vendor wants a pause.
 * Each chunk's rows and attempts are durable before the queue moves, so a killed run repeats a chunk and skips none.
 * A vendor that refuses its key, or fails three times in a row, is given up for the night; what the others know is
 * taken all the same.
 * @throws what is no vendor's fault: Database.Resuming, Lake.WrongKind, …
 */
export async function enrich<R>(
  source: EnrichmentSource<R>,
  request: EnrichmentRequest,
  stores: Pick<Stores, 'lake' | 'runs' | 'warehouse'>,
  call: EnrichCall,
): Promise<EnrichmentPage> {
  const skipped = whySkipped(source, request);
  if (skipped !== undefined)
    return page(source, emptyProgress(request), {
      done: true,
      status: 'skipped',
      ...storedReasons([{ text: skipped }]),
    });
  const progress = await resume(source, request, stores);
  if (progress === undefined)
    return page(source, emptyProgress(request), {
      done: true,
      status: 'skipped',
      ...storedReasons([{ text: source.nobody }]),
    });
  for (;;) {
    const bulk = progress.bulkPart !== undefined && source.bulk && !(source.bulk.vendor in progress.down);
    const left = bulk ? undefined : leftToAsk(source, progress);
    if (left?.symbols.length === 0) break;
    const waitSeconds = left
      ? await chunkStep(source, left, progress, stores, call)
      : await bulkStep(source, progress, stores, request);
    await stores.runs.saveProgress(source.dataset, progress, request.openedAt);
    const { dataset } = source;
    call.log?.info('chunk', {
      dataset,
      page: progress.chunks,
      rows: progress.endings.ok ?? 0,
      total: progress.queue.length,
    });
    if (waitSeconds > 0 || call.remainingMs() < RESERVE_MS) return page(source, progress, { waitSeconds });
  }
  return finish(source, progress, request, stores);
}

function whySkipped<R>({ vendors }: EnrichmentSource<R>, { vendorDown }: EnrichmentRequest): string | undefined {
  const names = Object.keys(vendors);
  if (names.some((name) => vendorDown[name] === undefined)) return undefined;
  return names.map((name) => `${name} is not asked again tonight: ${vendorDown[name]}`).join('; ');
}

async function resume<R>(
  source: EnrichmentSource<R>,
  request: EnrichmentRequest,
  { runs, warehouse }: Pick<Stores, 'runs' | 'warehouse'>,
): Promise<Progress | undefined> {
  const saved = await runs.progress<Progress>(source.dataset);
  const known = Object.keys(source.vendors).filter((name) => request.vendorDown[name] !== undefined);
  const down = Object.fromEntries(known.map((name) => [name, { text: request.vendorDown[name]! }]));
  if (saved?.session === request.session) {
    if (saved.runId === request.runId) return { ...saved, down: refusalsOf(saved.down) };
    // Another run may have another key, and the vendor another day.
    return { ...saved, runId: request.runId, down, consecutiveFailures: {} };
  }
  const universe = await source.universe();
  if (universe.length === 0) return undefined;
  const due = dueOf(source, universe, await readAttempts(warehouse, source.dataset), request.openedAt);
  const inBulk = source.bulk !== undefined && due.length >= source.bulk.from;
  const bulk = inBulk ? { bulkPart: 0 } : {};
  const planned: Progress = { ...emptyProgress(request), queue: due.slice(0, source.budget), down, ...bulk };
  // Before anything is asked: a run killed in its first chunk is the same sync when it goes on.
  await runs.saveProgress(source.dataset, planned, request.openedAt);
  return planned;
}

/** A progress that an earlier version saved has texts. */
function refusalsOf(down: Readonly<Record<string, Refusal | string>>): Record<string, Refusal> {
  return Object.fromEntries(
    Object.entries(down).map(([name, one]) => [name, typeof one === 'string' ? { text: one } : one]),
  );
}

function emptyProgress({ session, runId, openedAt }: EnrichmentRequest): Progress {
  const counts = { endings: {}, new: 0, changed: 0, kept: 0, chunks: 0 };
  return { session, runId, startedAt: openedAt, queue: [], ...counts, down: {}, consecutiveFailures: {} };
}

/** Symbols of the queue that a vendor still there can be asked for, and whom to ask for which. */
interface LeftToAsk {
  symbols: string[];
  vendors: Record<string, AskedVendor>;
  asks: Asks;
}

function leftToAsk<R>(source: EnrichmentSource<R>, progress: Progress): LeftToAsk {
  const open = Object.entries(source.vendors).filter(([name]) => !(name in progress.down));
  const inBulk = new Set(progress.inBulk);
  const asks: Asks = (vendor, symbol) => vendor !== source.bulk?.vendor || !inBulk.has(symbol);
  const symbols = progress.queue.filter((symbol) => open.some(([name]) => asks(name, symbol)));
  return { symbols, vendors: Object.fromEntries(open), asks };
}

/** @returns seconds to wait before the next step */
async function chunkStep<R>(
  source: EnrichmentSource<R>,
  { symbols: left, vendors, asks }: LeftToAsk,
  progress: Progress,
  stores: Pick<Stores, 'lake'>,
  { signal }: EnrichCall,
): Promise<number> {
  const pace = Math.max(...Object.values(vendors).map(({ callsPerMinute: calls }) => (calls > 0 ? 60 / calls : 0)));
  const apart = pace > LONGEST_PACE_SECONDS ? Math.ceil(pace) : 0;
  const evenly = Math.ceil(left.length / Math.max(1, MOST_PACED_STEPS - progress.chunks));
  const symbols = left.slice(0, apart > 0 ? Math.min(evenly, CHUNK) : CHUNK);
  const struck = Object.keys(vendors).filter(
    (name) => (progress.consecutiveFailures[name] ?? 0) >= MAX_CONSECUTIVE_FAILURES - 1,
  );
  const { concurrency } = source;
  const options = { concurrency, signal, lastTry: new Set(struck), asks };
  const asked = await askChunk(symbols, vendors, source.merge, options);
  for (const [name, error] of asked.down) giveUp(progress, name, error);
  for (const name of Object.keys(vendors)) if (!asked.backingOff.has(name)) delete progress.consecutiveFailures[name];
  const rests = [...asked.backingOff].map(([name, error]) => countFailure(progress, name, error));
  await keep(source, asked.items, asked.practice, progress, stores);
  const done = new Set(asked.items.map(({ attempt }) => attempt?.symbol));
  progress.queue = progress.queue.filter((symbol) => !done.has(symbol));
  return Math.max(0, ...rests, asked.practice.has(false) && progress.queue.length > 0 ? apart : 0);
}

/**
 * One part of the bulk answer. A plan without it is asked symbol by symbol, as is one that fails again and again, and
 * what the answer lacks.
 */
async function bulkStep<R>(
  source: EnrichmentSource<R>,
  progress: Progress,
  stores: Pick<Stores, 'lake' | 'warehouse'>,
  request: EnrichmentRequest,
): Promise<number> {
  const { vendor, part } = source.bulk!;
  try {
    const { items, symbols, practice, last } = await part(progress.bulkPart!, await source.universe());
    await keep(source, items, new Set([practice]), progress, stores);
    delete progress.consecutiveFailures[vendor];
    const queued = new Set(progress.queue);
    progress.inBulk = [...(progress.inBulk ?? []), ...symbols.filter((symbol) => queued.has(symbol))];
    if (last) await endBulk(source, progress, stores, request, 'answered');
    else progress.bulkPart! += 1;
    return 0;
  } catch (error) {
    if (!(error instanceof NamedError)) throw error;
    // Some answers to a part after the last one are no empty list but a refusal.
    const ended = progress.bulkPart! > 0 && isNamed(error, 'Vendor.BadRequest', 'Vendor.NotFound');
    if (isNamed(error, 'Vendor.AuthFailed', 'Vendor.KeyMissing', 'Config.Invalid')) giveUp(progress, vendor, error);
    else if (isNamed(error, 'Vendor.RateLimited', 'Vendor.Unavailable', 'Vendor.TruncatedBody')) {
      const rest = countFailure({ ...progress, down: {} }, vendor, error);
      if (rest > 0) return rest;
      delete progress.consecutiveFailures[vendor];
    } else if (!error.name.startsWith('Vendor.') && error.name !== 'Data.Invalid') throw error;
    const isExpected = vendor in progress.down || isNamed(error, 'Vendor.EndpointOutOfPlan');
    await endBulk(source, progress, stores, request, ended ? 'answered' : isExpected ? 'not to be had' : error);
    return 0;
  }
}

/** After the bulk answer, or without one: what is still due is asked for symbol by symbol, as far as the budget goes. */
async function endBulk<R>(
  source: EnrichmentSource<R>,
  progress: Progress,
  { warehouse }: Pick<Stores, 'warehouse'>,
  { openedAt }: EnrichmentRequest,
  outcome: 'answered' | 'not to be had' | NamedError,
): Promise<void> {
  progress.bulkPart = undefined;
  if (!source.bulk!.isComplete) return;
  const attempts = await readAttempts(warehouse, source.dataset);
  const due = dueOf(source, await source.universe(), attempts, openedAt);
  progress.queue = due.slice(0, source.budget);
  const beyond = due.slice(source.budget);
  const hadValue = (symbol: string) => attempts.get(symbol)?.ending === 'ok';
  const lacking = due.filter(hadValue).length;
  const { ok = 0 } = progress.endings;
  const name = `${source.bulk!.vendor.toUpperCase()}'s bulk answer`;
  if (outcome instanceof NamedError && beyond.length > 0) {
    const why = wellFormed(`${name}: ${outcome.name}: ${outcome.message}`, 600);
    progress.bulkShort = { waiting: beyond.length, why };
  } else if (outcome === 'answered' && isMutilated(lacking, ok) && beyond.some(hadValue)) {
    const why = `${name} lacks ${lacking} of ${ok + lacking} symbols that had a value`;
    progress.bulkShort = { waiting: beyond.filter(hadValue).length, why };
  }
}

function dueOf<R>(
  { refreshHours }: EnrichmentSource<R>,
  universe: readonly string[],
  attempts: ReadonlyMap<string, LastAttempt>,
  openedAt: string,
): string[] {
  return planEnrichment(universe, attempts, { now: Date.parse(openedAt), refreshHours });
}

async function keep<R>(
  source: EnrichmentSource<R>,
  items: readonly Enriched<R>[],
  practice: ReadonlySet<boolean>,
  progress: Progress,
  { lake }: Pick<Stores, 'lake'>,
): Promise<void> {
  for (const made of practice) await claimLake(lake, made ? 'practice' : 'real');
  const stored = await source.store(items, progress.startedAt);
  for (const key of ['new', 'changed', 'kept'] as const) progress[key] += stored[key];
  progress.chunks += 1;
  for (const { attempt } of items) {
    if (attempt === undefined) continue;
    const ending = attempt.ending as AttemptOutcome;
    progress.endings[ending] = (progress.endings[ending] ?? 0) + 1;
    if (ending === 'failed' || ending === 'invalid') progress.first ??= `${attempt.symbol}: ${attempt.reason}`;
  }
}

function giveUp(progress: Progress, vendor: string, error: NamedError): void {
  progress.down[vendor] = { error: error.name, text: wellFormed(`${error.name}: ${error.message}`, 600) };
}

/** @returns seconds to leave the vendor alone; none when it is given up */
function countFailure(progress: Progress, vendor: string, error: NamedError): number {
  const times = (progress.consecutiveFailures[vendor] ?? 0) + 1;
  progress.consecutiveFailures[vendor] = times;
  if (times < MAX_CONSECUTIVE_FAILURES) {
    const rest = isNamed(error, 'Vendor.RateLimited') ? REST_SECONDS.limited : REST_SECONDS.degraded;
    return Math.min(900, error.retryAfterSeconds ?? rest * times);
  }
  giveUp(progress, vendor, error);
  return 0;
}

/** The verdict, what was skipped into quarantine, and when it was complete that it was. */
async function finish<R>(
  source: EnrichmentSource<R>,
  progress: Progress,
  { openedAt }: EnrichmentRequest,
  { lake, runs, warehouse }: Pick<Stores, 'lake' | 'runs' | 'warehouse'>,
): Promise<EnrichmentPage> {
  const { dataset } = source;
  const asked = Object.keys(progress.endings).length > 0;
  if (asked) {
    // A run that had nothing to ask for leaves the lines of the one that had.
    const lines = await readSkipped(warehouse, dataset, progress.startedAt);
    await replaceQuarantine(lake, progress.session, dataset, keptLines(dataset, progress.session, lines));
  }
  const left = progress.queue.length;
  const { status, reasons } = judgeEnrichment(dataset, { ...progress, left });
  if (left === 0) {
    const { pages, rows } = page(source, progress, {});
    await runs.saveLastSync(dataset, { lastSyncTimestamp: openedAt, pages, rows, syncId: progress.startedAt });
    await runs.dropProgress(dataset);
  }
  return page(source, progress, { status, ...storedReasons(reasons), done: true });
}

function page<R>(
  { task, dataset }: EnrichmentSource<R>,
  progress: Progress,
  more: Partial<EnrichmentPage>,
): EnrichmentPage {
  const { ok = 0, ...others } = progress.endings;
  return {
    task,
    dataset,
    done: false,
    status: 'success',
    pages: progress.chunks,
    // A bulk answer brings symbols that nobody asked for, too.
    rows: Math.max(ok, progress.new + progress.changed),
    rejected: Object.values(others).reduce((sum, count) => sum + count, 0),
    new: progress.new,
    changed: progress.changed,
    waitSeconds: 0,
    reasons: [],
    ...more,
  };
}

export const enrichRequest = syncRequest
  .omit({ listSession: true })
  .extend({ vendorDown: z.record(z.string(), z.string()).default({}) });

/** The function of an enrichment: chunk by chunk, within the night's budget. */
export function enrichmentFunction<R>(dataset: EnrichmentDataset<R>) {
  return {
    name: dataset.task,
    event: enrichRequest,
    secrets: secretsOf(dataset.vendors),
    run: (request: z.output<typeof enrichRequest>, call: Call) => {
      const { task, name } = dataset;
      return enrichLane(request, call, { task, dataset: name, ...dataset.source(call) });
    },
  };
}

/** One step of an enrichment: enrich with the lane's log line and metrics. */
async function enrichLane<R>(
  request: z.output<typeof enrichRequest>,
  call: Call,
  source: EnrichmentSource<R>,
): Promise<EnrichmentPage> {
  const page = await enrich(source, request, call, call);
  if (page.done) {
    const values = { rows_written: page.new + page.changed, rejected_rows: page.rejected, pages: page.pages };
    count(call.metrics, page.dataset, values);
  }
  return page;
}
