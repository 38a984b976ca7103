import { type Metrics, MetricUnit } from '@aws-lambda-powertools/metrics';
import { EventBridgeClient, PutEventsCommand } from '@aws-sdk/client-eventbridge';
import { isNamed, NamedError } from '../errors.ts';
import { jsonBytes, keys, lakeKind, readJson } from '../lake/lake.ts';
import { publishedSessions } from '../lake/session-files.ts';
import { stagedDates, stagingByRun } from '../lake/staging.ts';
import { storedReasons } from '../records/reason.ts';
import type { JobResult, NightReport, NightStatus } from '../records/run.ts';
import type { Stores } from '../stores.ts';
import { wellFormed, wellFormedTexts } from '../text.ts';
import { type ClosedRun, closeLedger } from '../warehouse/ledger.ts';
import { recordBackOffs } from './back-off.ts';
import { type CloseInput, stagesOf } from './close-input.ts';
import { costOf, nightQuantities } from './cost.ts';
import type { Night } from './night.ts';
import { type Notice, noticeOf, pageOf, readServed } from './notice.ts';
import { reconcileNight } from './reconcile.ts';
import { judgeNight, storedDatasets, type Verdict } from './verdict.ts';

/** Sent when a night ends well; the rule that starts the portfolio run matches it (docs/design.md, A night, step by step). */
export const NIGHT_COMPLETED = { source: 'afterbell', detailType: 'Night Completed' } as const;

export interface ClosedNight extends Notice {
  runId: string;
  session: string;
  status: NightStatus;
  /** Lake key of night.json. */
  report: string;
  /** For the Fail state: the first reason, in full. */
  cause: string;
}

/** The detail of the event `Night Completed`. */
export interface NightCompleted {
  session: string;
  runId: string;
  status: NightStatus;
  stage: string;
  /** A newer session is published: this night brought an older one once more. */
  repair: boolean;
  /** The portfolio run is to follow: the night is no repair, or somebody asked for it. The rule goes by this. */
  portfolios: boolean;
}

export type SendEvent = (detail: NightCompleted) => Promise<void>;

/**
 * Gives the verdict and writes it everywhere: night.json, the ledger, the state of the session; sends the event and
 * frees the lake. Every step may be repeated.
 */
export async function closeNight(
  outcome: CloseInput,
  { config, lake, runs, tables, warehouse }: Stores,
  sendEvent: SendEvent,
  completedAt: string,
): Promise<ClosedNight> {
  const { night } = outcome;
  const jobs = {
    consolidate: await readJson<JobResult>(lake, keys.jobResult('consolidate')),
    resample: await readJson<JobResult>(lake, keys.jobResult('resample')),
  };
  // Whatever outside text became a reason, the ledger, the report and the notice can take it.
  const verdict = wellFormedTexts(judgeNight(outcome, jobs));
  if (night.kind === 'night' || night.kind === 'release') {
    verdict.notes.push(...(await reconciliation(night.session, { lake, tables, config })));
  }
  const seconds = (Date.parse(completedAt) - Date.parse(night.openedAt)) / 1000;
  const cost = costOf(nightQuantities(outcome, await jobsOf(outcome, jobs, lake), seconds), config.STAGE !== 'local');
  const ledgerTrouble = await closeLedger({ ...ledgerRun(night, verdict, completedAt), cost }, warehouse).catch(
    (error: Error) => error,
  );
  // A warehouse that fell asleep over long jobs is waited for; one that was away from the start was waited for already.
  if (isNamed(ledgerTrouble, 'Database.Resuming') && outcome.trouble === null) throw ledgerTrouble;
  if (ledgerTrouble) {
    verdict.status = 'Failed';
    const text = `the ledger could not be written: ${ledgerTrouble.name}: ${ledgerTrouble.message}`;
    verdict.reasons.push({ error: ledgerTrouble.name, text });
  }
  const practice = (await lakeKind(lake)) === 'practice';
  const report = { ...toReport(night, verdict, practice, completedAt), cost, stages: stagesOf(outcome) };
  const key = reportKey(night);
  await lake.write(key, jsonBytes(report));
  await dropRepeated({ lake, runs }, night, verdict.sessions);
  const fresh = await backOff(outcome, verdict.sessions, runs);
  const good = verdict.status === 'Succeeded' || verdict.status === 'Partial';
  if (good && isNightOfSession(night)) await sendEvent(await completed(night, verdict.status, { lake, config }));
  // Once the session is recorded as done no run comes back for it: whatever was to be told is told by then.
  await recordState(night, verdict, runs);
  await runs.releaseLock(night.executionArn);
  const { runId, session } = night;
  const { status, reasons, datasets } = verdict;
  const served = await readServed(datasets, { lake, runs });
  const page = pageOf(lake, key);
  const notice = noticeOf({ night, verdict, fresh, served, page, stage: config.STAGE, closedAt: completedAt });
  return { runId, session, status, report: key, ...notice, cause: wellFormed(reasons[0]?.text ?? '', 2000) };
}

/** What this run's jobs said of themselves; a job in shards said it once each. */
async function jobsOf(
  { night, prices }: CloseInput,
  results: Readonly<Record<string, JobResult | undefined>>,
  lake: Stores['lake'],
): Promise<JobResult[]> {
  const shards = night.jobs?.consolidate?.shards ?? 1;
  const found = prices.jobs.map(async ({ task }) => {
    if (task !== 'consolidate' || shards < 2) return [results[task]];
    const names = Array.from({ length: shards }, (_, index) => `consolidate-${index}-of-${shards}`);
    return Promise.all(names.map((name) => readJson<JobResult>(lake, keys.jobResult(name))));
  });
  return (await Promise.all(found))
    .flat()
    .filter((job) => job !== undefined && job.runId === night.runId) as JobResult[];
}

async function completed(
  { session, runId, portfolios = false }: Night,
  status: NightStatus,
  { lake, config }: Pick<Stores, 'lake' | 'config'>,
): Promise<NightCompleted> {
  const newest = (await publishedSessions(lake)).at(-1)?.date ?? session;
  const repair = session < newest;
  return { session, runId, status, stage: config.STAGE, repair, portfolios: portfolios || !repair };
}

/** Only a comparison: what keeps it from being made is said and changes nothing else. */
async function reconciliation(session: string, stores: Pick<Stores, 'lake' | 'tables' | 'config'>): Promise<string[]> {
  return reconcileNight(session, stores).catch((error: Error) => [
    `the lists could not be compared: ${error.name}: ${error.message}`,
  ]);
}

/** Which of an execution's plan decides whether it is the night of its session. */
type NightOf = Pick<Night, 'kind' | 'session' | 'runId'> & { prices?: Pick<Night['prices'], 'released'> };

/** A night, or the release of its own session; the release of a list or an older session leaves the night as it was. */
function isNightOfSession({ kind, session, prices }: NightOf): boolean {
  return kind === 'night' || (kind === 'release' && prices?.released?.includes(session) === true);
}

/** night.json is the night's; other executions for the same session lie beside it under their own name. */
export function reportKey(night: NightOf): string {
  return keys.report(night.session, isNightOfSession(night) ? 'night.json' : `run=${night.runId}.json`);
}

function toReport(night: Night, verdict: Verdict, practice: boolean, completedAt: string): NightReport {
  const { status, datasets, reasons, notes, sessions, releasing } = verdict;
  const { runId, session, kind, openedAt } = night;
  const seconds = (Date.parse(completedAt) - Date.parse(openedAt)) / 1000;
  const frame = { runId, session, kind, status, practice, startedAt: openedAt, completedAt, seconds };
  const stored = { datasets: storedDatasets(datasets), ...storedReasons(reasons) };
  return { ...frame, ...stored, notes, sessions, ...(releasing && { releasing }) };
}

function ledgerRun({ runId, session, releasedRun }: Night, verdict: Verdict, completedAt: string): ClosedRun {
  const { status, datasets, reasons, sessions } = verdict;
  const stored = { datasets: storedDatasets(datasets), ...storedReasons(reasons) };
  return { runId, session, releasedRun, status, sessions, completedAt, ...stored };
}

async function recordState(
  night: Night,
  { status, sessions, pricesDone }: Verdict,
  runs: Stores['runs'],
): Promise<void> {
  const { runId, session } = night;
  if (sessions.held.length > 0) await runs.saveWithheldRun({ runId, session, sessions: sessions.held });
  if (!isNightOfSession(night)) return;
  const before = await runs.sessionState(session);
  // A night whose prices were not due leaves a session done as it was.
  const done = pricesDone || (!night.prices.due && before?.pricesDone === true);
  await runs.saveSessionState({ session, runId, status, pricesDone: done });
}

/**
 * A session published now, by release or by a good repeat, needs no held copy in an older run any more; nor does one
 * that this run holds back in its turn: its answer is the newer one.
 */
async function dropRepeated(
  { lake, runs }: Pick<Stores, 'lake' | 'runs'>,
  { runId, releasedRun }: Night,
  { published, unchanged, held }: Verdict['sessions'],
): Promise<void> {
  const settled = [...published, ...unchanged, ...held];
  if (settled.length === 0) return;
  for (const [run, staged] of await stagingByRun(lake)) {
    if (run === runId) continue;
    const repeated = staged.filter((key) => settled.some((date) => key.includes(`date=${date}.`)));
    await lake.remove(repeated);
    if (repeated.length === staged.length) await runs.dropWithheldRun(run);
  }
  // What could not be published stays with its run, and may be released again.
  if (releasedRun && (await stagedDates(lake, releasedRun)).length === 0) await runs.dropWithheldRun(releasedRun);
}

/** Remembers which sessions were bad, and until when nights leave them alone. Returns those nobody was notified of. */
async function backOff(
  { night, prices }: CloseInput,
  { published, unchanged, held }: Verdict['sessions'],
  runs: Stores['runs'],
): Promise<string[]> {
  const gone = prices.staged.filter(({ status, trouble }) => status === 'skipped' || trouble?.error === 'Data.Invalid');
  const before = await runs.backOffs();
  const unavailable = gone.map(({ date }) => date);
  const settled = [...published, ...unchanged];
  const { backOffs, fresh } = recordBackOffs(before, { night, held, unavailable, settled });
  if (JSON.stringify(backOffs) !== JSON.stringify(before)) await runs.saveBackOffs(backOffs);
  // Sessions outside the vendor's plan are a note, no trouble.
  const outside = new Set(gone.filter(({ status }) => status === 'skipped').map(({ date }) => date));
  return [...fresh.filter((date) => !outside.has(date)), ...prices.unpublished.map(({ date }) => date)];
}

/** @throws Night.EventRefused when the bus refuses the event, and the state machine then retries Close Night. */
export function eventSender(busName: string, client = new EventBridgeClient({})): SendEvent {
  return async (detail) => {
    const { source, detailType } = NIGHT_COMPLETED;
    const entry = { Source: source, DetailType: detailType, Detail: JSON.stringify(detail), EventBusName: busName };
    const answer = await client.send(new PutEventsCommand({ Entries: [entry] }));
    const refused = answer.Entries?.find(({ ErrorCode }) => ErrorCode);
    if (refused === undefined) return;
    throw new NamedError('Night.EventRefused', {
      what: `EventBridge refused the event ${detailType} on the bus ${busName}`,
      found: `${refused.ErrorCode}: ${refused.ErrorMessage}`,
    });
  };
}

interface Measure {
  name: 'nights' | 'sessions_published' | 'task_seconds' | 'task_not_done';
  /** Beside service and stage. */
  dimension?: readonly [name: 'status' | 'task', value: string];
  unit: typeof MetricUnit.Count | typeof MetricUnit.Seconds;
  value: number;
}

/**
 * Pure: what the dashboard and the freshness alarm look at. `sessions_published` is 1 for a night that published its own
 * session; gaps, late corrections and backfills make nothing fresher.
 */
export function nightMeasures({ kind, session, status, sessions, datasets }: NightReport): Measure[] {
  const count = MetricUnit.Count;
  const own = kind !== 'backfill' && sessions.published.includes(session);
  return [
    { name: 'nights', dimension: ['status', status], unit: count, value: 1 },
    { name: 'sessions_published', unit: count, value: own ? 1 : 0 },
    ...datasets.flatMap(({ task, seconds, status: outcome }): Measure[] => [
      { name: 'task_seconds', dimension: ['task', task], unit: MetricUnit.Seconds, value: seconds },
      { name: 'task_not_done', dimension: ['task', task], unit: count, value: outcome === 'success' ? 0 : 1 },
    ]),
  ];
}

/** Writes a closed night's measures as embedded metrics, one line each. */
export function measureNight(report: NightReport, metrics: Metrics): void {
  for (const { name, dimension, unit, value } of nightMeasures(report)) {
    const single = metrics.singleMetric();
    if (dimension) single.addDimension(...dimension);
    single.addMetric(name, unit, value);
  }
}
