import { setTimeout as pause } from 'node:timers/promises';
import { askedDate, lastClosedSession } from '../calendar/calendar.ts';
import { wantedDates } from '../checks/past-history.ts';
import { loadConfig } from '../config.ts';
import { LIST_VIEWS } from '../datasets/registry.ts';
import { listDates, readList } from '../datasets/snapshots.ts';
import { isNamed, NamedError } from '../errors.ts';
import { barsAreBehind } from '../jobs/backlog.ts';
import { writeCatalog } from '../lake/catalog.ts';
import type { Lake } from '../lake/lake.ts';
import { publishedSessions } from '../lake/session-files.ts';
import { PRICED_LIST } from '../lake/symbol-history-file.ts';
import { type BackfilledMembers, backfillMembers } from '../past/member-lists.ts';
import { compareNames, firstNight, type NamesAndBars, rebuildHistory } from '../past/rebuild-history.ts';
import { fetchPastLists, pastDates, type Refusal } from '../past/ticker-lists.ts';
import { COMMANDS } from '../report/next-steps.ts';
import { counted, figure, statement, there } from '../text.ts';
import { polygonOf } from '../vendors/polygon.ts';
import { migrate } from '../warehouse/client.ts';
import referenceStatements from '../warehouse/reference.sql';
import { requireKind } from './backfill.ts';
import { type Context, requireBegun } from './context.ts';
import { exitCodeOf, outcomeOf } from './outcome.ts';
import { onPipeline, type Pipeline } from './pipeline.ts';
import { withScratch } from './scratch.ts';
import type { Terminal } from './terminal.ts';
import { requireQuiet } from './verify/repair.ts';

const historyHasSourceSql = statement(referenceStatements, 'history-has-source');

export interface HistoryOptions {
  reference?: boolean;
  members?: string | true;
  from: string;
  anySize?: boolean;
  dryRun?: boolean;
}

/** What `--json` answers. */
interface Outcome {
  from: string;
  /** The first list of a night, before which the lists of the past count. */
  until: string;
  /** Lists of the past that are there, and how many were fetched now. */
  lists: { first: string | null; last: string | null; count: number; fetched: number };
  refused: { date: string; error: string } | null;
  historyRows: number;
  names: NamesAndBars | null;
  members: BackfilledMembers | null;
}

/** Fetches lists of the past: who was listed at the end of each month, and who was in the index. */
export async function history(options: HistoryOptions, context: Context): Promise<number> {
  const from = askedFrom(options);
  await requireBegun(context);
  return onPipeline(context, {}, async (pipeline) => {
    if (!context.stage) await requireKind(pipeline, context);
    const { lake, warehouse } = pipeline.stores;
    await requireTables(pipeline, context);
    const until = await requireFirstNight(pipeline, context);
    const asked = await planOf(from, until, lake);
    if (options.reference && !context.terminal.json) context.terminal.note(planText(asked, until, pipeline));
    if (options.dryRun) return printPlan(asked, context.terminal);
    const known = await pastDates(lake);
    const ended = options.reference ? await fetchLists(asked.missing, options, pipeline, context) : {};
    const outcome = await withScratch('history', async (scratch): Promise<Outcome> => {
      await requireQuiet(pipeline);
      const session = lastClosedSession(context.now);
      const historyRows = await rebuildHistory({ lake, warehouse, scratch, session, signal: context.signal });
      // What is there by now is joined before the error ends the command.
      if (ended.failed) throw ended.failed;
      const members =
        options.members === undefined ? null : await fetchMembers(from, options.members, pipeline, context);
      const names = (await compareNames({ lake, scratch, signal: context.signal }, until)) ?? null;
      const dates = await pastDates(lake);
      const [first = null, last = null] = [dates[0], dates.at(-1)];
      const lists = { first, last, count: dates.length, fetched: dates.length - known.length };
      const refused = ended.refused ? { date: ended.refused.date, error: ended.refused.error.message } : null;
      return { from, until, lists, refused, historyRows, names, members };
    });
    const code = await followWithBars(pipeline, context);
    await renewCatalog(lake, context);
    if (context.terminal.json) context.terminal.print(JSON.stringify(outcome));
    else print(outcome, options, context.terminal);
    return Math.max(code, outcome.refused ? exitCodeOf('Partial') : 0);
  });
}

function askedFrom({ reference, members, from }: HistoryOptions): string {
  if (!reference && members === undefined) {
    const todo = 'npx afterbell history --reference --from 2024-01-02';
    throw new NamedError('Usage.Invalid', {
      what: 'nothing is asked for',
      wanted: '--reference, --members or both',
      todo,
    });
  }
  const date = askedDate(from);
  const last = lastClosedSession(new Date());
  if (date <= last) return date;
  throw new NamedError('Usage.Invalid', {
    what: `--from ${from} is not past`,
    wanted: `a date up to ${last}, the last closed session`,
  });
}

/** On a laptop tables are brought up to date; those of a stage are the night's to change. */
async function requireTables({ stores: { warehouse } }: Pipeline, context: Context): Promise<void> {
  if (!context.stage) {
    await migrate(warehouse);
    return;
  }
  const [answer] = await warehouse.query(historyHasSourceSql);
  if (answer?.has_source) return;
  throw new NamedError('Usage.Invalid', {
    what: `the warehouse of stage ${context.stage.stage} is of an earlier version`,
    found: 'symbol_history without a column source',
    wanted: 'one night since the stage was upgraded, which brings its tables up to date',
    todo: COMMANDS.night(undefined, there(context)),
  });
}

async function requireFirstNight({ stores }: Pipeline, context: Context): Promise<string> {
  const until = await firstNight(stores.lake, stores.warehouse);
  if (until !== undefined) return until;
  throw new NamedError('Usage.Invalid', {
    what: 'there is no list of tickers yet that lists of the past could lead up to',
    wanted: 'one night that fetched it',
    todo: COMMANDS.run('sync-tickers', there(context)),
  });
}

interface Plan {
  lists: number;
  /** Days whose list is not there, oldest first. */
  missing: string[];
  /** About how many calls they take. */
  calls: number;
}

/** Of a page of the vendor. */
const PAGE_ROWS = 1000;

async function planOf(from: string, until: string, lake: Lake): Promise<Plan> {
  const wanted = from < until ? wantedDates(from, until) : [];
  const held = new Set(await pastDates(lake));
  const missing = wanted.filter((date) => !held.has(date));
  const [first] = await listDates(lake, PRICED_LIST);
  const markets = new Map<string, number>();
  for (const { market } of first === undefined ? [] : await readList(lake, PRICED_LIST, first))
    markets.set(String(market), (markets.get(String(market)) ?? 0) + 1);
  const pages = [...markets.values()].reduce((sum, rows) => sum + Math.ceil(rows / PAGE_ROWS), 0);
  return { lists: wanted.length, missing, calls: missing.length * pages };
}

function planText({ lists, missing, calls }: Plan, until: string, { practice, stores }: Pipeline): string {
  const pace = practice ? 0 : stores.config.POLYGON_CALLS_PER_MINUTE;
  const time = pace > 0 && calls > 0 ? `, ${counted(Math.ceil(calls / pace), 'minute')} at the plan's pace` : '';
  const asked =
    missing.length === 0
      ? 'every one is there'
      : `${figure(missing.length)} to fetch, about ${counted(calls, 'call')}${time}`;
  return `${counted(lists, 'list')} of the past before ${until}, the first list of a night: ${asked}.`;
}

function printPlan(plan: Plan, terminal: Terminal): number {
  if (terminal.json) terminal.print(JSON.stringify(plan));
  else terminal.print('Nothing was asked of a vendor, nothing was written.');
  return 0;
}

/** Seconds to wait before a call that a vendor in trouble did not answer is repeated, one after another. */
const WAITS = [15, 60, 240];

/** Repeats a call as a night would; a night's own waits stand in its state machine. */
function patience({ timeScale }: Pipeline, { terminal, signal }: Context) {
  return async <T>(call: () => Promise<T>): Promise<T> => {
    for (let tried = 0; ; tried += 1) {
      try {
        return await call();
      } catch (error) {
        const isPassing = isNamed(error, 'Vendor.Unavailable', 'Vendor.RateLimited', 'Vendor.TruncatedBody');
        const usual = WAITS[tried];
        if (!isPassing || usual === undefined) throw error;
        const seconds = (error instanceof NamedError && error.retryAfterSeconds) || usual;
        terminal.note(`  ${(error as Error).name}, again in ${Math.ceil(seconds * timeScale)} s`);
        await pause(seconds * timeScale * 1000, undefined, { signal }).catch(() => signal.throwIfAborted());
      }
    }
  };
}

/** How the asking ended before the last list: refused by the plan, or by an error that ends the command. */
async function fetchLists(
  missing: readonly string[],
  { anySize = false }: HistoryOptions,
  pipeline: Pipeline,
  context: Context,
): Promise<{ refused?: Refusal; failed?: unknown }> {
  if (missing.length === 0) return {};
  const { lake, config } = pipeline.stores;
  const vendor = polygonOf(config, { apiKey: keyFor(pipeline, context) ?? '' });
  const { terminal, signal } = context;
  try {
    const refused = await fetchPastLists(lake, missing, {
      vendor,
      markets: config.POLYGON_MARKETS,
      types: config.POLYGON_TYPES,
      anySize,
      signal,
      patiently: patience(pipeline, context),
      onList: ({ date, rows, rejected }) =>
        terminal.note(`  ${date}: ${counted(rows, 'name')}${rejected > 0 ? `, ${figure(rejected)} rows refused` : ''}`),
    });
    return refused ? { refused } : {};
  } catch (failed) {
    // Whoever is told to stop has no time left to join anything.
    if (signal.aborted) throw failed;
    return { failed };
  }
}

/** A laptop's vendors have their keys with them; those of a stage stay there, and `.env` has one for this. */
function keyFor({ vendors }: Pipeline, { stage }: Context): string | undefined {
  if (!stage) {
    const secret = vendors?.secrets[vendors.environment.POLYGON_SECRET_ARN ?? ''];
    return secret && (JSON.parse(secret) as { apiKey?: string }).apiKey;
  }
  return loadConfig().POLYGON_API_KEY ?? (stage.config.POLYGON_BASE_URL.startsWith('lambda:') ? 'practice' : undefined);
}

async function fetchMembers(
  from: string,
  given: string | true,
  pipeline: Pipeline,
  context: Context,
): Promise<BackfilledMembers> {
  const { lake, warehouse, config } = pipeline.stores;
  const place = given === true ? config.INDEX_MEMBERS_URI : given;
  if (place === undefined) {
    throw new NamedError('Usage.Invalid', {
      what: '--members names no place, and INDEX_MEMBERS_URI is not set',
      wanted: "a folder of dated holdings files, or the web address of the fund's file",
    });
  }
  return backfillMembers(lake, warehouse, {
    place,
    from,
    to: lastClosedSession(context.now),
    signal: context.signal,
    patiently: patience(pipeline, context),
    onList: ({ date, members, rejected }) =>
      context.terminal.note(
        `  ${date}: ${counted(members, 'member')}${rejected > 0 ? `, ${figure(rejected)} rows refused` : ''}`,
      ),
  });
}

/** N-session bars start over where a symbol passed to another company, of which more may be known now. */
async function followWithBars(pipeline: Pipeline, { now, signal, config }: Context): Promise<number> {
  if (!(await barsAreBehind(pipeline.stores.lake, config.RESAMPLING_INTERVALS))) return 0;
  const session = lastClosedSession(now);
  const result = await pipeline.run({ task: 'resample', session }, { name: `resample-${session}`, signal });
  const { status } = await outcomeOf(result, pipeline.stores, { session, kind: 'task' });
  return exitCodeOf(status);
}

/** The catalog names the newest file of the history, and the lists that were there when it was written. */
async function renewCatalog(lake: Lake, { config }: Context): Promise<void> {
  if ((await publishedSessions(lake)).length === 0) return;
  const { RESAMPLING_INTERVALS: intervals, BENCHMARKS: benchmarks } = config;
  await withScratch('catalog', (scratch) => writeCatalog(lake, scratch, { intervals, lists: LIST_VIEWS, benchmarks }));
}

function print(
  { lists, refused, until, historyRows, names, members }: Outcome,
  { reference }: HistoryOptions,
  terminal: Terminal,
): void {
  if (reference) {
    const { first, last, count, fetched } = lists;
    terminal.print(
      first === null
        ? 'No list of the past is there.'
        : `${counted(count, 'list')} of the past from ${first} to ${last}, ${figure(fetched)} fetched now. Of days before ${first} nothing is known.`,
    );
    if (refused)
      terminal.print([
        `The vendor did not give the list of ${refused.date}, so no older one was asked for:`,
        `  ${refused.error}`,
      ]);
    terminal.print(
      `symbol_history: ${counted(historyRows, 'row')} changed. What nights recorded from ${until} on is unchanged.`,
    );
    if (names) terminal.print(namesText(names));
  }
  if (members) {
    const { lists: stored, known, without, outside, rejected, memberships } = members;
    terminal.print([
      `index members: ${counted(stored, 'list')} stored, ${figure(known)} there already, ${figure(without)} days without holdings, ${figure(outside)} outside of what was asked for.`,
      `index_members: ${counted(memberships, 'membership')} written${rejected > 0 ? `; ${counted(rejected, 'row was', 'rows were')} refused: ${COMMANDS.quarantine()}` : ''}.`,
    ]);
  }
}

function namesText(names: NamesAndBars): string[] {
  const { sessions, bars, unlisted, at_other_times, unnamed, otc, not_traded } = names;
  if (sessions === 0)
    return ['No session before the first night is published: there are no bars to compare the names with.'];
  const lacking = unlisted + at_other_times;
  const examples = (unnamed ?? []).join(', ');
  return [
    `Names and bars, ${counted(sessions, 'session')}: ${counted(names.names, 'name')}, ${counted(bars, 'bar')}.`,
    ...(lacking === 0
      ? ['  Every bar has a name.']
      : [
          `  ${counted(lacking, 'bar')} without a name (${examples}${(unnamed ?? []).length < 5 ? '' : ', …'}): ${figure(unlisted)} of symbols in no list, ${figure(at_other_times)} of symbols that are listed at other times only.`,
        ]),
    `  ${counted(otc + not_traded, 'name')} without a bar: ${figure(otc)} over the counter, ${figure(not_traded)} not traded that day.`,
  ];
}
