import {
  closureReason,
  exchangeDate,
  isSession,
  lastClosedSession,
  previousSession,
  sessionHours,
  sessionsBetween,
} from '../calendar/calendar.ts';
import { HOUR_MS } from '../calendar/dates.ts';
import { DATASET_OF_TASK, ENRICHMENTS, FRESH_HOURS, LANES } from '../datasets/registry.ts';
import { NamedError } from '../errors.ts';
import type { NightKind } from '../records/run.ts';
import { COMMANDS } from '../report/next-steps.ts';
import type { SessionState } from '../tables/runs.ts';
import { type BackOffs, fetchedAgainWith, isBackingOff } from './back-off.ts';
import type { Night, StartInput } from './night.ts';
import { type ReleasePlan, supersededText } from './withheld.ts';

/** An execution works on at most so many sessions; the command line starts chunk after chunk. */
const CHUNK_SESSIONS = 250;

/** What a plan is made of; everything that had to be looked up. */
export interface Evidence {
  input: StartInput;
  execution: { arn: string; name: string };
  /** Scheduled time of the run, or its start: the clock that decides the session. ISO. */
  clock: string;
  openedAt: string;
  /** Whether the session's bars are published. */
  held: ReadonlySet<string>;
  state: (session: string) => SessionState | undefined;
  /** ISO instant of the last complete sync by dataset. */
  lastSync: Readonly<Record<string, string | undefined>>;
  /** Vendors without a key, with what to set. */
  withoutKey: Readonly<Record<string, string>>;
  /** Sessions a dead run had staged; they need no fetch. */
  staged: readonly string[];
  /** Published sessions wait for a job that a killed run did not get to. */
  behind?: boolean;
  /** Calls per minute of the price vendor; 0 = unlimited. */
  callsPerMinute: number;
  /** Of a release, what it publishes. */
  release?: Pick<ReleasePlan, 'sessions' | 'datasets' | 'superseded'>;
  /** Held sessions to fetch again, missing ones to heal, and those to leave alone for now; none by default. */
  refetch?: { trailing: number; gapsAtOnce: number; backOffs: BackOffs };
  /** Symbols a consolidation has to look at, and how many of them are work for one job; one job by default. */
  consolidation?: { symbols: number; symbolsPerShard: number };
}

/** The session a start input is about: named, the end of a range, or the last one closed before the clock. */
export function sessionOf(input: StartInput, clock: string): string {
  const named = input.session ?? input.to;
  if (named === undefined) return lastClosedSession(new Date(clock));
  if (input.session !== undefined) requireClosedSession(input.session, clock);
  else if (!isSession(named)) return lastSessionUpTo(input.from!, named);
  return named;
}

/** The session a reference list shows that is fetched at this hour: no vendor serves the list of an earlier day. */
export function listSessionOf(clock: string): string {
  return lastClosedSession(new Date(clock));
}

function lastSessionUpTo(from: string, to: string): string {
  const last = sessionsBetween(from, to).at(-1);
  if (last) return last;
  throw new NamedError('Usage.Invalid', { what: `there is no session from ${from} to ${to}` });
}

function requireClosedSession(session: string, clock: string): void {
  const closed = closureReason(session);
  if (closed !== undefined) {
    throw new NamedError('Usage.Invalid', {
      what: `${session} is not a trading session`,
      found: closed,
      wanted: 'a day on which the NYSE was open',
    });
  }
  if (Date.parse(sessionHours(session).close) > Date.parse(clock)) {
    throw new NamedError('Usage.Invalid', {
      what: `${session} has not closed yet`,
      found: `it closes at ${sessionHours(session).close}`,
      wanted: `${lastClosedSession(new Date(clock))} or earlier`,
    });
  }
}

/** Pure: what this execution does and what it leaves, each with its reason. */
export function planNight(evidence: Evidence): Night {
  const { input, execution, openedAt, clock } = evidence;
  const session = sessionOf(input, clock);
  const kind = kindOf(input);
  const { lanes, enrich, skipped } = planLanes(evidence, kind);
  const refetch = refetchOf(evidence, kind, session);
  const prices = planPrices(evidence, kind, session, refetch);
  const jobs = planJobs(evidence, kind, session, prices.due);
  const due = lanes.length > 0 || enrich.length > 0 || prices.due || jobs.consolidate.wanted || jobs.resample.wanted;
  return {
    runId: execution.name,
    executionArn: execution.arn,
    session,
    listSession: listSessionOf(clock),
    kind,
    openedAt,
    due,
    reasons: [prices.reason, ...skipped.map(({ task, reason }) => `${task}: ${reason}`)].filter(Boolean),
    lanes,
    enrich,
    skipped,
    prices,
    jobs,
    notes: [...(prices.due ? refetch.notes : []), ...supersededNotes(evidence)],
    releasedRun: input.release ?? null,
    ...(input.portfolios && { portfolios: true }),
  };
}

function supersededNotes({ input, release }: Evidence): string[] {
  const { release: runId = '' } = input;
  return (release?.superseded ?? []).map((one) => `not released: ${supersededText(one, runId)}`);
}

function kindOf(input: StartInput): NightKind {
  if (input.task !== undefined) return 'task';
  if (input.release !== undefined) return 'release';
  return input.from !== undefined ? 'backfill' : 'night';
}

function planLanes(evidence: Evidence, kind: NightKind): Pick<Night, 'lanes' | 'enrich' | 'skipped'> {
  const { input, lastSync, withoutKey, openedAt } = evidence;
  const skipped: Night['skipped'] = [];
  if (kind === 'backfill') return { lanes: [], enrich: [], skipped };
  if (kind === 'release') return { lanes: withheldLanes(evidence.release?.datasets ?? []), enrich: [], skipped };
  const isDue = (task: string, vendors: readonly string[]) => {
    if (kind === 'task' && input.task !== task) return false;
    if (vendors.every((vendor) => withoutKey[vendor] !== undefined)) {
      const reason = vendors.map((vendor) => withoutKey[vendor]).join('; ');
      skipped.push({ task, reason, fresh: false });
      return false;
    }
    const last = lastSync[DATASET_OF_TASK[task]!];
    if (kind === 'task' || last === undefined || hours(last, openedAt) >= FRESH_HOURS) return true;
    skipped.push({ task, reason: `complete since ${last}, not older than ${FRESH_HOURS} h`, fresh: true });
    return false;
  };
  const lanes = LANES.map((lane) => ({ ...lane, tasks: lane.tasks.filter((task) => isDue(task, [lane.vendor])) }));
  const enrich = ENRICHMENTS.filter(({ task, vendors }) => isDue(task, vendors));
  return { lanes: lanes.filter(({ tasks }) => tasks.length > 0), enrich, skipped };
}

/** The lanes that publish held lists; no vendor is asked, so that no key is needed. */
function withheldLanes(datasets: readonly string[]): Night['lanes'] {
  const isHeld = (task: string) => datasets.includes(DATASET_OF_TASK[task]!);
  return LANES.map((lane) => ({ ...lane, tasks: lane.tasks.filter(isHeld) })).filter(({ tasks }) => tasks.length > 0);
}

/** Other sources than the vendor's own calls give other values, which are no corrections. */
function refetchOf({ input, held, refetch }: Evidence, kind: NightKind, session: string): Refetch {
  if (kind !== 'night' || input.source !== 'api' || !refetch) return { again: [], gaps: [], notes: [] };
  return planRefetch(session, held, refetch);
}

function planPrices(evidence: Evidence, kind: NightKind, session: string, refetch: Refetch): Night['prices'] {
  const { input, held, staged, callsPerMinute, withoutKey, execution } = evidence;
  const base = { source: input.source, stagedBy: input.release ?? execution.name, released: null, concurrency: 1 };
  const none = { ...base, due: false, sessions: [], again: [], gaps: [] };
  if (kind === 'task') return { ...none, reason: '' };
  if (kind === 'release') {
    const released = [...(evidence.release?.sessions ?? [])];
    return { ...none, due: released.length > 0, released, reason: '' };
  }
  const missingKey = input.source === 'api' ? withoutKey.polygon : undefined;
  if (missingKey !== undefined) return { ...none, ...notDue(missingKey) };
  // One call at a time keeps a plan's pace; without a limit the machine's two workers are the bound.
  const isUnstaged = (date: string) => !staged.includes(date);
  const concurrency = input.source === 'flat-files' || callsPerMinute === 0 ? 2 : 1;
  const excluded = { again: refetch.again.filter(isUnstaged), gaps: refetch.gaps.filter(isUnstaged) };
  const due = { ...none, due: true, concurrency, reason: '' };
  if (kind === 'night' && input.session === undefined && held.has(session)) {
    if (evidence.state(session)?.pricesDone && staged.length === 0 && !evidence.behind)
      return { ...none, ...notDue(settled(session, evidence)) };
    // Its other sessions were all staged before this one was published.
    return due;
  }
  const wanted = wantedSessions(evidence, kind, session).filter(isUnstaged);
  return { ...due, ...excluded, sessions: [...excluded.gaps, ...excluded.again, ...wanted].sort() };
}

function notDue(why: string): Pick<Night['prices'], 'reason' | 'why'> {
  return { reason: `prices: ${why}`, why };
}

function wantedSessions({ input, held, clock }: Evidence, kind: NightKind, session: string): string[] {
  if (kind === 'night') return [session];
  const closed = lastClosedSession(new Date(clock));
  const sessions = sessionsBetween(input.from!, input.to!).filter((date) => date <= closed && !held.has(date));
  if (sessions.length > CHUNK_SESSIONS) {
    throw new NamedError('Usage.Invalid', {
      what: `${input.from} to ${input.to} is too much for one execution`,
      found: `${sessions.length} sessions`,
      wanted: `at most ${CHUNK_SESSIONS}`,
      todo: '`npx afterbell backfill` cuts a range into such chunks.',
    });
  }
  return sessions;
}

/** Why prices are not due: the session is done, and today may be a holiday. */
function settled(session: string, { clock }: Evidence): string {
  const today = exchangeDate(new Date(clock));
  const closed = today === session ? undefined : closureReason(today);
  const holiday = closed === undefined ? '' : `; ${today} is no session (${closed})`;
  return `session ${session} is already done${holiday}`;
}

function planJobs(evidence: Evidence, kind: NightKind, session: string, pricesDue: boolean): Night['jobs'] {
  const { input, held, behind, consolidation } = evidence;
  const environment = Object.entries(input.settings).map(([Name, Value]) => ({ Name, Value }));
  const only = (task: string) => (kind === 'task' ? input.task === task : pricesDue);
  return {
    always: kind === 'task' || kind === 'release' || (pricesDue && (behind === true || held.has(session))),
    consolidate: { wanted: only('consolidate'), environment, shards: shardsOf(input, consolidation) },
    resample: { wanted: only('resample'), environment },
  };
}

/** A run limited to some symbols is small, however many there are. */
function shardsOf({ settings }: StartInput, consolidation: Evidence['consolidation']): number {
  if (!consolidation || settings.JOB_SYMBOLS !== undefined) return 1;
  return Math.max(1, Math.ceil(consolidation.symbols / consolidation.symbolsPerShard));
}

function hours(from: string, to: string): number {
  return (Date.parse(to) - Date.parse(from)) / HOUR_MS;
}

export interface Refetch {
  /** Held sessions to be fetched again, in order. */
  again: string[];
  /** Missing sessions to be fetched, in order. */
  gaps: string[];
  notes: string[];
}

/** Backing-off sessions a night names. */
const NAMED = 20;

/**
 * Pure: what a night fetches besides its own session. Vendors correct bars for days, so the last `trailing` sessions
 * before it are asked for again; and what the calendar has between the first held session and this one, and the lake
 * has not, is healed, newest first, `gapsAtOnce` a night. A session that was bad before is left alone until its turn.
 */
export function planRefetch(
  session: string,
  held: ReadonlySet<string>,
  { trailing, gapsAtOnce, backOffs }: { trailing: number; gapsAtOnce: number; backOffs: BackOffs },
): Refetch {
  const first = [...held].sort()[0];
  if (first === undefined || first >= session) return { again: [], gaps: [], notes: [] };
  const earlier = sessionsBetween(first, previousSession(session));
  const [waiting, open] = [[] as string[], [] as string[]];
  for (const date of earlier) (isBackingOff(date, backOffs, session) ? waiting : open).push(date);
  const window = new Set(trailing === 0 ? [] : earlier.slice(-trailing));
  const again = open.filter((date) => held.has(date) && (window.has(date) || (trailing > 0 && date in backOffs)));
  const missing = open.filter((date) => !held.has(date));
  const gaps = gapsAtOnce === 0 ? [] : missing.slice(-gapsAtOnce);
  const left = missing.slice(0, missing.length - gaps.length);
  return { again, gaps, notes: [...gapNotes(gaps, left), ...waitingNotes(waiting, held, backOffs)] };
}

function waitingNotes(waiting: readonly string[], held: ReadonlySet<string>, backOffs: BackOffs): string[] {
  const named = waiting.slice(-NAMED).map((date) => {
    const backOff = backOffs[date]!;
    const next = `it is fetched again with session ${fetchedAgainWith(date, backOff)}`;
    if (!backOff.withheld) return `${date} is still not to be had from the vendor; ${next}`;
    if (!held.has(date)) return `${date} is still withheld, by run ${backOff.runId}; ${next}`;
    return `${date} stays as it is served: a newer answer is still withheld, by run ${backOff.runId}; ${next}`;
  });
  const more = waiting.length - named.length;
  return more > 0 ? [...named, `${more} earlier sessions are withheld or not to be had, too`] : named;
}

function gapNotes(gaps: readonly string[], left: readonly string[]): string[] {
  const notes: string[] = [];
  if (gaps.length > 0) notes.push(`${count(gaps)} missing, fetched first: ${gaps.join(', ')}`);
  if (left.length > 0) {
    const command = COMMANDS.backfill(left[0]!, left.at(-1)!);
    notes.push(`${count(left)} still missing; the next nights go on, or at once: ${command}`);
  }
  return notes;
}

function count(dates: readonly string[]): string {
  return dates.length === 1 ? '1 session is' : `${dates.length} sessions are`;
}

/** Sessions per execution; the execution history on AWS has an end. */
const CHUNK = 250;

/** What a backfill would fetch: calendar minus what is held, newest first. */
export interface BackfillPlan {
  from: string;
  to: string;
  /** Sessions of the range by the calendar, and how many of them are held. */
  sessions: number;
  held: number;
  missing: number;
  /** One execution each, the newest first, so that a backfill cut short leaves the recent past whole. */
  chunks: { from: string; to: string; sessions: number }[];
  /** One call, or one file, a session. */
  calls: number;
  /** At the plan's calls per minute; null when nothing limits them. */
  minutes: number | null;
}

/** Pure: the plan for an inclusive range of dates. */
export function planBackfill(
  range: { from: string; to: string },
  held: ReadonlySet<string>,
  callsPerMinute: number,
): BackfillPlan {
  const sessions = sessionsBetween(range.from, range.to);
  const missing = sessions.filter((date) => !held.has(date));
  return {
    ...range,
    sessions: sessions.length,
    held: sessions.length - missing.length,
    missing: missing.length,
    chunks: chunksOf(missing),
    calls: missing.length,
    minutes: callsPerMinute === 0 ? null : Math.ceil(missing.length / callsPerMinute),
  };
}

/** @param sessions ascending */
export function chunksOf(sessions: readonly string[]): BackfillPlan['chunks'] {
  const chunks: BackfillPlan['chunks'] = [];
  for (let end = sessions.length; end > 0; end -= CHUNK) {
    const chunk = sessions.slice(Math.max(0, end - CHUNK), end);
    chunks.push({ from: chunk[0]!, to: chunk.at(-1)!, sessions: chunk.length });
  }
  return chunks;
}
