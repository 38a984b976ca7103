import {
  askedDate,
  isSession,
  lastClosedSession,
  previousSession,
  sessionAt,
  sessionNumber,
  sessionsBetween,
} from '../calendar/calendar.ts';
import { FRESH_HOURS } from '../datasets/registry.ts';
import { NamedError } from '../errors.ts';
import { type Lake, listAll } from '../lake/lake.ts';
import { publishedSessions } from '../lake/session-files.ts';
import type { Laptop } from '../local/laptop.ts';
import { addSample } from '../local/portfolio-service.ts';
import { previewNight } from '../night/open.ts';
import { chunksOf } from '../night/plan.ts';
import { effectOf } from '../night/publish-session.ts';
import { planRelease } from '../night/withheld.ts';
import { releaseText } from '../records/run.ts';
import { COMMANDS } from '../report/next-steps.ts';
import { counted, there } from '../text.ts';
import { backfillChunks, requireKind } from './backfill.ts';
import { type Context, requireBegun } from './context.ts';
import { exitCodeOf, outcomeOf, printOutcome } from './outcome.ts';
import { localOnly, onLaptop, onPipeline, type Pipeline } from './pipeline.ts';
import { awaitPortfolios, printPortfolios } from './portfolio-outcome.ts';
import { showProgress } from './progress.ts';
import { recordDisk } from './status/disk.ts';

export interface NightOptions {
  session?: string;
  dryRun?: boolean;
  misbehave?: string;
  portfolios?: boolean;
}

/** Runs one night: the last closed session, or the one named. */
export async function night(options: NightOptions, context: Context): Promise<number> {
  const session = options.session === undefined ? lastClosedSession(new Date()) : askedSession(options.session);
  const misbehave = misbehavioursIn(options);
  if (context.stage) return stageNight(session, options, context);
  return onLaptop(context, { misbehave }, async (laptop) => {
    requireOwnMarket(misbehave, laptop);
    // Whoever wants to see a misbehaviour wants the session asked for, also when it is done.
    const input = inputOf(session, misbehave.length > 0 ? { ...options, session } : options);
    if (options.dryRun) return dryRun(input, laptop, context);
    await requireKind(laptop, context);
    if (options.session !== undefined) await requireNear(session, laptop.stores.lake, context);
    announce(laptop, context);
    if (laptop.vendors.embedded) await addSample(laptop.stores.tables, laptop.stores.config);
    const history = await missingHistory(session, laptop, context);
    if (history.length > 0) {
      const code = await backfillHistory(history, laptop, context);
      if (code !== 0) return code;
    }
    const progress = showProgress(context.terminal, laptop.timeScale);
    const result = await laptop.run(input, { name: `night-${session}`, ...progress, signal: context.signal });
    progress.end();
    const outcome = await outcomeOf(result, laptop.stores, { session, kind: 'night' });
    const portfolios = await awaitPortfolios(laptop, context, outcome.status);
    noteUnmet(laptop, context, FRESH_LISTS);
    // A night that has ended well does not fail for a figure.
    await recordDisk(context.config, session).catch(() => undefined);
    printOutcome({ ...outcome, ...(portfolios ? { desk: portfolios } : {}) }, laptop.stores.lake, context.terminal);
    if (portfolios && !context.terminal.json && portfolios.status !== 'Skipped')
      await printPortfolios(portfolios, laptop, context.terminal);
    if (laptop.vendors.embedded && exitCodeOf(outcome.status) === 0) inviteToQuery(context);
    return exitCodeOf(outcome.status);
  });
}

function inputOf(session: string, { session: named, portfolios }: NightOptions): object {
  return { ...(named !== undefined && { session }), ...(portfolios && { portfolios }) };
}

/** Whoever practises looks around next. */
function inviteToQuery({ terminal }: Context): void {
  if (terminal.json) return;
  const command = COMMANDS.query("SELECT * FROM bars WHERE symbol = 'AAPL' ORDER BY date DESC LIMIT 5");
  terminal.print(['', `Next: ${command}`]);
}

/** A night of a deployed stage: its history, its portfolios and its vendors are its own affair. */
async function stageNight(session: string, options: NightOptions, context: Context): Promise<number> {
  if (options.misbehave !== undefined) throw localOnly('--misbehave', 'the practice market serves this computer only');
  return onPipeline(context, {}, async (pipeline) => {
    const input = inputOf(session, options);
    if (options.dryRun) return dryRun(input, pipeline, context);
    if (options.session !== undefined) await requireNear(session, pipeline.stores.lake, context);
    const progress = showProgress(context.terminal, pipeline.timeScale);
    const result = await pipeline.run(input, { name: `night-${session}`, ...progress, signal: context.signal });
    progress.end();
    const outcome = await outcomeOf(result, pipeline.stores, { session, kind: 'night' });
    printOutcome(outcome, pipeline.stores.lake, context.terminal);
    return exitCodeOf(outcome.status);
  });
}

/** @throws Usage.Invalid for a date that is none, no session, or not closed yet. */
export function askedSession(text: string): string {
  const session = askedDate(text);
  const last = lastClosedSession(new Date());
  if (!isSession(session)) sessionNumberOf(session);
  if (session > last) {
    throw new NamedError('Usage.Invalid', {
      what: `${session} has not closed yet`,
      wanted: `${last}, the last closed session, or earlier`,
    });
  }
  return session;
}

/** Beyond it a single older session is probably a mistyped year: it would leave a hole of years. */
const NEAR_SESSIONS = 250;

/** @throws Usage.Invalid for a session far before the first one that is stored */
async function requireNear(session: string, lake: Lake, context: Pick<Context, 'stage'>): Promise<void> {
  const [first] = await publishedSessions(lake);
  if (!first) return;
  const between = sessionNumberOf(first.date) - sessionNumberOf(session);
  if (between <= NEAR_SESSIONS) return;
  throw new NamedError('Usage.Invalid', {
    what: `${session} lies ${counted(between, 'session')} before the first one stored, ${first.date}`,
    wanted: 'a session of the last year before that, or a later one',
    todo: `If you want that past: ${COMMANDS.backfill(session, previousSession(first.date), there(context))}`,
  });
}

function sessionNumberOf(session: string): number {
  try {
    return sessionNumber(session);
  } catch (cause) {
    throw new NamedError('Usage.Invalid', (cause as Error).message, { cause });
  }
}

/** The names given to --misbehave. */
export function misbehavioursIn({ misbehave }: { misbehave?: string }): string[] {
  return misbehave?.split(',').map((name) => name.trim()) ?? [];
}

/** @throws Usage.Invalid for misbehaviours where it is not our own market that answers */
export function requireOwnMarket(misbehave: readonly string[], { vendors }: Pick<Pipeline, 'vendors'>): void {
  if (misbehave.length === 0 || vendors?.embedded) return;
  throw new NamedError('Usage.Invalid', {
    what: `--misbehave ${misbehave.join(',')} is for the practice market`,
    found: 'a POLYGON_API_KEY, so other markets answer',
    wanted: 'no key, or `npx afterbell market --misbehave …`',
  });
}

/** A misbehaviour that nobody met changed nothing, and that is said. */
export function noteUnmet(
  { vendors }: Pick<Pipeline, 'vendors'>,
  { terminal }: Pick<Context, 'terminal'>,
  why?: string,
): void {
  const names = vendors?.unmet?.().join(',') ?? '';
  if (names === '') return;
  terminal.note([
    `--misbehave ${names} changed nothing: nothing that it spoils was asked for.`,
    ...(why === undefined ? [] : [why]),
  ]);
}

/** Why a night may ask for nothing that a misbehaviour spoils. */
const FRESH_LISTS = `A list of the last ${FRESH_HOURS} hours is left alone; its task fetches it again, e.g. ${COMMANDS.run('sync-tickers --misbehave NAME')}`;

function announce({ vendors, market }: Laptop, { terminal }: Context): void {
  if (terminal.json) return;
  const size = counted(market.symbols, 'symbol');
  if (vendors.embedded) terminal.note(`No POLYGON_API_KEY: the practice market answers (${size}, made-up prices).`);
  if (vendors.replayed)
    terminal.note('The practice market replays real bars; reference lists and company data are made up from them.');
}

/** Sessions before the night that an empty home wants first; a first run that was interrupted goes on. */
async function missingHistory(session: string, laptop: Laptop, { config }: Context): Promise<string[]> {
  const wanted = laptop.vendors.embedded ? laptop.market.history : (config.HISTORY_SESSIONS ?? 0);
  if (wanted === 0) return [];
  const { lake } = laptop.stores;
  const nights = (await listAll(lake, 'reports/')).filter(({ key }) => key.endsWith('/night.json'));
  if (nights.length > 0) return [];
  const first = sessionAt(sessionNumberOf(session) - wanted);
  const held = new Set((await publishedSessions(lake)).map(({ date }) => date));
  return sessionsBetween(first, session).filter((date) => date < session && !held.has(date));
}

/** What the history lacks is said and does not keep the night from running; only a history that fails does. */
async function backfillHistory(history: readonly string[], laptop: Laptop, context: Context): Promise<number> {
  const { terminal } = context;
  if (!terminal.json)
    terminal.note(`History first: ${counted(history.length, 'session')} from ${history[0]} to ${history.at(-1)}.`);
  const outcomes = await backfillChunks(chunksOf(history), 'api', laptop, context);
  const failed = outcomes.find(({ status }) => status === 'Failed');
  for (const { session, status, reasons } of outcomes) {
    if (status === 'Partial' || status === 'Held')
      terminal.note(`History up to ${session}: ${status}: ${reasons[0]}; what to do: ${COMMANDS.status()}`);
  }
  if (!failed) return 0;
  printOutcome(failed, laptop.stores.lake, terminal);
  terminal.note('The night itself was not run: its history failed. The next `night` goes on with it.');
  return exitCodeOf(failed.status);
}

async function dryRun(input: object, pipeline: Pick<Pipeline, 'stores'>, { terminal }: Context): Promise<number> {
  const plan = await previewNight(input, pipeline.stores);
  if (terminal.json) {
    terminal.print(JSON.stringify(plan));
    return 0;
  }
  const { sessions, why = '' } = plan.prices;
  terminal.print(`Session ${plan.session}. Nothing was asked of a vendor, nothing was written.`);
  terminal.print(`- prices: ${sessions.length > 0 ? `fetch ${sessions.join(', ')}` : why || 'nothing to fetch'}`);
  for (const { vendor, tasks } of plan.lanes) terminal.print(`- ${vendor}: ${tasks.join(', ')}`);
  for (const { task, reason } of plan.skipped) terminal.print(`- ${task}: not due, ${reason}`);
  return 0;
}

/** Publishes what a held run has staged and runs what remained of its night. */
export async function release(runId: string, _options: object, context: Context): Promise<number> {
  await requireBegun(context);
  return onPipeline(context, {}, async (pipeline) => {
    const { stores } = pipeline;
    const { session, sessions } = await planRelease(runId, stores);
    if (sessions.length > 0) context.terminal.note(releaseText(await effectOf(stores.lake, runId, sessions)));
    const progress = showProgress(context.terminal, pipeline.timeScale);
    const name = `release-${session}`;
    const result = await pipeline.run({ release: runId }, { name, ...progress, signal: context.signal });
    progress.end();
    const outcome = await outcomeOf(result, stores, { session, kind: 'release' });
    const portfolios = await awaitPortfolios(pipeline, context, outcome.status);
    printOutcome({ ...outcome, ...(portfolios ? { desk: portfolios } : {}) }, stores.lake, context.terminal);
    if (portfolios && !context.terminal.json && portfolios.status !== 'Skipped')
      await printPortfolios(portfolios, pipeline, context.terminal);
    return exitCodeOf(outcome.status);
  });
}
