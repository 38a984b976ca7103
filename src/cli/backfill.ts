import { resolve } from 'node:path';
import { askedDate, closureReason, lastClosedSession, sessionsBetween } from '../calendar/calendar.ts';
import type { Config } from '../config.ts';
import { inHome } from '../env-file.ts';
import { NamedError } from '../errors.ts';
import { jobsAreBehind } from '../jobs/backlog.ts';
import { claimLake, type Lake, lakeKind } from '../lake/lake.ts';
import { publishedSessions } from '../lake/session-files.ts';
import { isMadeUp, isReplayed } from '../local/practice.ts';
import { type BackfillPlan, chunksOf, planBackfill } from '../night/plan.ts';
import { COMMANDS } from '../report/next-steps.ts';
import { counted, figure } from '../text.ts';
import { openFileSource, flatFiles as readFlatFiles, VENDOR_BUCKET } from '../vendors/flat-files.ts';
import { type Context, homeLake, whereOf } from './context.ts';
import { exitCodeOf, type Outcome, outcomeOf, printOutcome } from './outcome.ts';
import { localOnly, onPipeline, type Pipeline } from './pipeline.ts';
import { showProgress } from './progress.ts';
import { type Terminal, table } from './terminal.ts';

export interface BackfillOptions {
  from: string;
  to: string;
  source?: string;
  flatFiles?: string;
  dryRun?: boolean;
}

/** Fetches every session of a range that is not held, newest chunk first; says before what it comes to. */
export async function backfill(options: BackfillOptions, context: Context): Promise<number> {
  const range = askedRange(options);
  const source = askedSource(options);
  const { terminal, config } = context;
  const flatFiles = askedPlace(options.flatFiles);
  if (context.stage) requireBucket(flatFiles);
  // A place without flat files is refused before anything is opened.
  else if (flatFiles !== undefined)
    await readFlatFiles(openFileSource(flatFiles, ...accessTo(config))).sessions(range.to, range.to);
  if (options.dryRun) return printPlan(await planOf(range, source, homeLake(config), config), terminal);
  return onPipeline(context, source === 'flat-files' ? { flatFiles } : {}, async (pipeline) => {
    // A stage's functions know what answers them, and refuse it themselves.
    if (!context.stage) await requireKind(pipeline, context);
    const { lake } = pipeline.stores;
    const plan = await planOf(range, source, lake, pipeline.practice ? { POLYGON_CALLS_PER_MINUTE: 0 } : config);
    if (!terminal.json) terminal.note(planLine(plan));
    // With every session held there may still be jobs to finish: one execution over the range sees to it.
    const unfinished = plan.missing === 0 && (await jobsAreBehind(lake, config.RESAMPLING_INTERVALS));
    const chunks = unfinished ? chunksOf(sessionsBetween(range.from, range.to).slice(-1)) : plan.chunks;
    const outcomes = await backfillChunks(chunks, source, pipeline, context);
    report(outcomes, pipeline, context);
    return Math.max(0, ...outcomes.map(({ status }) => exitCodeOf(status)));
  });
}

type Source = 'api' | 'flat-files';

async function planOf(
  range: { from: string; to: string },
  source: Source,
  lake: Lake,
  { POLYGON_CALLS_PER_MINUTE: pace }: Pick<Config, 'POLYGON_CALLS_PER_MINUTE'>,
): Promise<BackfillPlan> {
  const held = new Set((await publishedSessions(lake)).map(({ date }) => date));
  return planBackfill(range, held, source === 'flat-files' ? 0 : pace);
}

function planLine({ sessions, held, missing, chunks, minutes }: BackfillPlan): string {
  const pace = minutes === null ? '' : `, about ${counted(minutes, 'minute')} at the plan's pace`;
  const parts = chunks.length > 1 ? ` in ${chunks.length} parts, newest first` : '';
  return `${counted(sessions, 'session')}, ${figure(held)} published, ${figure(missing)} to fetch${parts}${pace}.`;
}

function printPlan(plan: BackfillPlan, terminal: Terminal): number {
  if (terminal.json) {
    terminal.print(JSON.stringify(plan));
    return 0;
  }
  terminal.print(planLine(plan));
  const rows = plan.chunks.map(({ from, to, sessions }) => [from, to, sessions]);
  if (rows.length > 0) terminal.print(table(['from', 'to', 'sessions'], rows));
  terminal.print('Nothing was asked of a vendor, nothing was written.');
  return 0;
}

/** One execution per chunk; ends at the first chunk that fails. */
export async function backfillChunks(
  chunks: BackfillPlan['chunks'],
  source: Source,
  pipeline: Pipeline,
  { terminal, signal }: Context,
): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  for (const { from, to, sessions } of chunks) {
    if (!terminal.json) terminal.note(`Backfill ${from} to ${to}: ${counted(sessions, 'session')}`);
    const progress = showProgress(terminal, pipeline.timeScale);
    const result = await pipeline.run({ from, to, source }, { name: `backfill-${to}`, ...progress, signal });
    progress.end();
    const outcome = await outcomeOf(result, pipeline.stores, { session: to, kind: 'backfill' });
    outcomes.push(outcome);
    if (outcome.status === 'Failed') break;
  }
  return outcomes;
}

/**
 * Before anything is fetched or written: the vendors answer, and with the kind of data this home holds.
 * @throws Vendor.Unavailable when nothing answers on this computer; Lake.WrongKind
 */
export async function requireKind({ stores, practice, vendors }: Pipeline, context: Context): Promise<void> {
  if (vendors?.unreachable) throw vendors.unreachable;
  const kind = await lakeKind(stores.lake);
  const invented = practice && !vendors?.replayed;
  if (invented && (await isReplayed(context.config.AFTERBELL_HOME))) throw withoutReplay(context);
  if (vendors?.replayed && kind === 'practice' && (await isMadeUp(context.config.AFTERBELL_HOME)))
    throw withReplay(context);
  if (kind === undefined || kind === (practice ? 'practice' : 'real')) return;
  if (kind === 'real' && vendors?.embedded) throw withoutKey(context);
  if (kind === 'practice' && vendors?.environment.FLAT_FILES_URI === undefined) throw withKey(context);
  await claimLake(stores.lake, practice ? 'practice' : 'real');
}

function withoutReplay(context: Context): NamedError {
  return new NamedError('Lake.WrongKind', {
    what: `${whereOf(context)} holds real bars that a practice market replayed`,
    found: 'a practice market that makes its prices up',
    wanted: 'the market that replays them, in POLYGON_BASE_URL and with any POLYGON_API_KEY',
    todo: '`npx afterbell market --replay DIR` starts it and prints its address.',
  });
}

function withReplay(context: Context): NamedError {
  return new NamedError('Lake.WrongKind', {
    what: `${whereOf(context)} holds made-up bars of the practice market`,
    found: 'a market that replays real ones',
    wanted: 'a data directory of its own for them',
    todo: 'Name another one: AFTERBELL_HOME=./replay npx afterbell night',
  });
}

function withoutKey(context: Context): NamedError {
  return new NamedError('Lake.WrongKind', {
    what: `POLYGON_API_KEY is not set, and ${whereOf(context)} holds real data`,
    found: 'only the practice market to ask, which makes its prices up',
    wanted: 'the key of a real vendor',
    todo: `Put POLYGON_API_KEY=… into ${resolve('.env')}. To practise, name another data directory: AFTERBELL_HOME=./practice npx afterbell night`,
  });
}

function withKey(context: Context): NamedError {
  return new NamedError('Lake.WrongKind', {
    what: `POLYGON_API_KEY is set, and ${whereOf(context)} holds practice data`,
    found: `real data at ${context.config.POLYGON_BASE_URL}`,
    wanted: 'a data directory of its own for real data',
    todo: 'Name one: AFTERBELL_HOME=./real npx afterbell night',
  });
}

function askedRange({ from, to }: BackfillOptions): { from: string; to: string } {
  const range = { from: askedDate(from), to: askedDate(to) };
  if (range.from > range.to) {
    throw new NamedError('Usage.Invalid', {
      what: '--from lies after --to',
      found: `${from} and ${to}`,
      wanted: 'the older date first',
    });
  }
  const last = lastClosedSession(new Date());
  if (range.from > last) {
    throw new NamedError('Usage.Invalid', {
      what: `no session from ${from} to ${to} has closed yet`,
      wanted: `dates up to ${last}, the last closed session`,
    });
  }
  if (sessionsBetween(range.from, range.to).length === 0) {
    const why = closureReason(range.from);
    throw new NamedError('Usage.Invalid', { what: `there is no session from ${from} to ${to}`, found: why });
  }
  return { from: range.from, to: [range.to, last].sort()[0]! };
}

function askedPlace(flatFiles: string | undefined): string | undefined {
  return flatFiles === undefined || flatFiles.startsWith('s3://') ? flatFiles : resolve(inHome(flatFiles));
}

/** A stage's functions have the key pair and know the vendor's bucket; from here they cannot be given another place. */
function requireBucket(flatFiles: string | undefined): void {
  if (flatFiles === undefined || flatFiles === VENDOR_BUCKET) return;
  throw localOnly(`--flat-files ${flatFiles}`, `a deployed stage reads ${VENDOR_BUCKET}`);
}

function accessTo({ FLAT_FILES_ENDPOINT, FLAT_FILES_KEY_ID: keyId, FLAT_FILES_SECRET: secret }: Config) {
  return [FLAT_FILES_ENDPOINT, keyId && secret ? { keyId, secret } : undefined] as const;
}

function askedSource({ source, flatFiles }: BackfillOptions): Source {
  const known = source ?? (flatFiles === undefined ? 'api' : 'flat-files');
  if (known !== 'api' && known !== 'flat-files') {
    throw new NamedError('Usage.Invalid', { what: `--source ${known} is unknown`, wanted: 'api or flat-files' });
  }
  if (known === 'flat-files' && flatFiles === undefined) {
    throw new NamedError('Usage.Invalid', {
      what: '--source flat-files needs a place',
      wanted: '--flat-files DIR with YYYY/MM/YYYY-MM-DD.csv.gz, or --flat-files s3://flatfiles',
    });
  }
  return known;
}

function report(outcomes: readonly Outcome[], pipeline: Pipeline, { terminal }: Context): void {
  const [only] = outcomes;
  if (terminal.json) terminal.print(JSON.stringify(outcomes));
  else if (!only) terminal.print('Nothing to do: every session of the range is published.');
  else if (outcomes.length === 1) {
    printOutcome(only, pipeline.stores.lake, terminal);
    const refused = only.datasets.find(({ name }) => name === 'prices')?.rejected ?? 0;
    if (refused > 0) terminal.print(refusedText(refused));
  } else printChunks(outcomes, pipeline, terminal);
}

function printChunks(outcomes: readonly Outcome[], pipeline: Pipeline, terminal: Terminal): void {
  for (const outcome of outcomes) {
    if (outcome.status !== 'Succeeded') printOutcome(outcome, pipeline.stores.lake, terminal);
  }
  const rows = outcomes.map(({ session, status, datasets, seconds, sessions }) => {
    const bars = datasets.find(({ name }) => name === 'prices');
    return [session, status, sessions?.published.length ?? 0, bars?.rows ?? 0, bars?.rejected ?? 0, seconds];
  });
  const sum = (column: number) => rows.reduce((total, row) => total + (row[column] as number), 0);
  terminal.print(['', ...table(['up to', 'status', 'sessions', 'rows', 'rejected', 'seconds'], rows)]);
  terminal.print([
    '',
    `${counted(sum(2), 'session')}, ${counted(sum(3), 'row')} stored, ${figure(sum(4))} quarantined.`,
  ]);
  if (sum(4) > 0) terminal.print(refusedText(sum(4)));
}

function refusedText(rows: number): string {
  return `${counted(rows, 'row was', 'rows were')} refused, each with its reason: ${COMMANDS.quarantine()}`;
}
