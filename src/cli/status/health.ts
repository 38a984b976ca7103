import { nextSession, sessionsBetween } from '../../calendar/calendar.ts';
import { DATASET_OF_TASK } from '../../datasets/registry.ts';
import { COMMANDS, type WithheldStep, withheldSteps } from '../../report/next-steps.ts';
import { counted, ledgerInstant } from '../../text.ts';
import type { SqlRow } from '../../warehouse/client.ts';
import { type WithheldRunSummary, type WithheldSummary, withheldText } from './withheld-runs.ts';

/** One thing that is not as it has to be: how bad by the exit codes of docs/run.md, and what fixes it. */
export interface Trouble {
  code: 1 | 3 | 4;
  what: string;
  /** Where there are several, the first: it harms nothing. */
  command?: string;
  /** What is to be done one after the other, where one command is not all. */
  steps?: WithheldStep[];
}

export interface Health {
  /** 0, or the code of the worst trouble. */
  code: number;
  troubles: Trouble[];
}

export interface HealthFacts {
  /** Latest night or release that has ended. */
  last: SqlRow | undefined;
  /** Latest row of each task. */
  latest: readonly SqlRow[];
  /** The session that is to be there by now. */
  expected: string;
  /** The session of the night that is at work now. */
  running: string | undefined;
  freshness: readonly Freshness[];
  /** Missing sessions between the first and the last one held. */
  gaps: readonly string[];
  heldRuns: readonly WithheldRunSummary[];
  /** The newest session served; where nothing is, every one that is held is the one to wait for. */
  newest?: string | undefined;
  heldLists: readonly WithheldSummary[];
  /** The home or stage, where it serves no session. */
  nothingIn?: string | undefined;
  /** ` --stage NAME` or nothing. */
  there: string;
  /** Missing sessions that one night fetches besides its own. */
  gapSessions?: number;
  /** The data are real, and there is no key to fetch more of them with. */
  keyless?: boolean;
}

/** Worst first. */
const SEVERITY = [1, 4, 3];

/** What follows from the sessions, and the command that rebuilds it. */
const DERIVED: Readonly<Record<string, string>> = {
  stock_prices: COMMANDS.repair(),
  history: COMMANDS.run('consolidate'),
  'N-session bars': COMMANDS.run('resample'),
};

/**
 * Pure: how the last night ended, and whatever is worse. 1: it failed or was interrupted, or prices are behind; 4:
 * the newest session or a list is held; 3: an older session is held or missing, another dataset is behind or failed.
 */
export function assessHealth(facts: HealthFacts): Health {
  const troubles = [
    ...nightTroubles(facts),
    ...withheldProblems(facts),
    ...staleTroubles(facts),
    ...gapTroubles(facts),
  ];
  if (troubles.length === 0) troubles.push(...beginning(facts));
  troubles.sort((a, b) => SEVERITY.indexOf(a.code) - SEVERITY.indexOf(b.code));
  return { code: troubles[0]?.code ?? 0, troubles };
}

function beginning({ nothingIn, last, running, there }: HealthFacts): Trouble[] {
  if (nothingIn === undefined || running) return [];
  const what = last ? `${nothingIn} serves no session yet` : `no night has run in ${nothingIn}`;
  return [{ code: 1, what, command: COMMANDS.night(undefined, there) }];
}

/** What is to be done with a command that asks a vendor: without a key it would meet the practice market. */
function fetching(command: string, { keyless }: Pick<HealthFacts, 'keyless'>): Pick<Trouble, 'command' | 'steps'> {
  if (!keyless) return { command };
  return { command, steps: [{ why: 'POLYGON_API_KEY is not set. Put it into .env in this folder, then', command }] };
}

function nightTroubles(facts: HealthFacts): Trouble[] {
  const { last, latest, running, heldRuns, heldLists, there } = facts;
  if (!last || isMended(last, latest)) return [];
  const [session, status] = [String(last.session), String(last.status)];
  // A night at work for that session or a later one is what repairs it.
  if (running !== undefined && running >= session && (status === 'Failed' || status === 'Interrupted')) return [];
  const [reason] = JSON.parse(String(last.reasons ?? '[]')) as string[];
  const what = `the last night (${session}) ended as ${status}${reason ? `: ${reason}` : ''}`;
  if (status === 'Failed' || status === 'Interrupted')
    return [{ code: 1, what, ...fetching(COMMANDS.night(session, there), facts) }];
  if (status === 'Held') return heldRuns.some(({ runId }) => runId === last.run_id) ? [] : [{ code: 4, what }];
  if (status !== 'Partial' || heldLists.some(({ runId }) => runId === last.run_id)) return [];
  // What it withheld of older sessions is named for itself.
  if (heldRuns.some(({ runId }) => runId === last.run_id) && badOf(last).every(({ task }) => task === 'prices'))
    return [];
  return [{ code: 3, what, command: COMMANDS.failed(there) }];
}

/** Whatever was not well in that night has been run well since. */
function isMended(night: SqlRow, latest: readonly SqlRow[]): boolean {
  const bad = badOf(night);
  const { completed_at } = night;
  return (
    bad.length > 0 &&
    bad.every(({ task }) =>
      latest.some(
        (row) =>
          row.task_name === task && row.status === 'success' && String(row.completed_at) > String(completed_at ?? ''),
      ),
    )
  );
}

function badOf({ summary }: SqlRow): { task: string; status: string }[] {
  const { datasets = [] } = JSON.parse(String(summary ?? '{}')) as { datasets?: { task: string; status: string }[] };
  return datasets.filter(({ status }) => status !== 'success' && status !== 'skipped');
}

function withheldProblems({ heldRuns, heldLists, newest, there }: HealthFacts): Trouble[] {
  const held = (what: string, steps: WithheldStep[], code: Trouble['code'] = 4): Trouble => {
    return { code, what, command: steps[0]!.command, steps };
  };
  const isNewest = (date: string) => newest === undefined || date >= newest;
  return [
    ...heldRuns.map((run) => {
      const code = run.sessions.some(isNewest) ? 4 : 3;
      return held(`withheld: ${withheldText(run)}: ${run.reason}`, withheldSteps(run, there), code);
    }),
    ...heldLists.map((list) => {
      const tasks = Object.keys(DATASET_OF_TASK).filter((task) => DATASET_OF_TASK[task] === list.dataset);
      const steps = withheldSteps({ ...list, kind: 'night', sessions: [], tasks }, there);
      return held(`withheld: ${list.dataset} of ${list.session}: ${list.reasons[0] ?? ''}`, steps);
    }),
  ];
}

/** A night fetches its own session and some missing ones; more of them are a backfill. */
function catchUp({ newest, behind }: Freshness, { expected, there, gapSessions = 20 }: HealthFacts): string {
  if (newest === null || behind === null || behind <= gapSessions + 1) return COMMANDS.night(undefined, there);
  return COMMANDS.backfill(nextSession(newest), expected, there);
}

function staleTroubles(facts: HealthFacts): Trouble[] {
  const { freshness, expected, running, last, heldRuns, heldLists, there } = facts;
  const behind = freshness.filter((row) => row.behind !== 0);
  const prices = behind.find(({ dataset }) => dataset === 'prices');
  // What a night at work or a release will bring is no trouble of its own.
  const coming = running === expected || heldRuns.some(({ sessions }) => sessions.includes(expected));
  const failed = last?.status === 'Failed' || last?.status === 'Interrupted';
  const night: Trouble[] =
    prices && !coming && !(failed && String(last?.session) === expected)
      ? [{ code: 1, what: `prices are ${prices.age}: ${expected} is due`, ...fetching(catchUp(prices, facts), facts) }]
      : [];
  if (running) return night;
  // What a night had no key for is no fault; the night brings what follows prices.
  const others = behind.filter(
    ({ dataset, status, behind: count }) =>
      dataset !== 'prices' &&
      (dataset in DERIVED || status !== 'skipped') &&
      !heldLists.some((list) => list.dataset === dataset) &&
      (count ?? Number.POSITIVE_INFINITY) > (prices?.behind ?? 0),
  );
  return [
    ...night,
    ...others.map((row): Trouble => {
      const what = row.newest === null ? `${row.dataset}: never brought` : `${row.dataset}: ${row.age}`;
      const command = repairOf(row, there);
      return { code: 3, what, ...(row.dataset in DERIVED ? { command } : fetching(command, facts)) };
    }),
  ];
}

function repairOf({ dataset }: Freshness, there: string): string {
  return `${DERIVED[dataset] ?? COMMANDS.run(`sync-${dataset.replaceAll('_', '-')}`)}${there}`;
}

function gapTroubles(facts: HealthFacts): Trouble[] {
  const { gaps: missing, heldRuns, there } = facts;
  const gaps = missing.filter((date) => !heldRuns.some(({ sessions }) => sessions.includes(date)));
  const [from, to] = [gaps[0], gaps.at(-1)];
  if (from === undefined || to === undefined) return [];
  const named = `${gaps.slice(-5).join(', ')}${gaps.length > 5 ? ', …' : ''}`;
  const what = gaps.length === 1 ? `session ${from} is missing` : `${gaps.length} sessions are missing: ${named}`;
  return [{ code: 3, what, ...fetching(COMMANDS.backfill(from, to, there), facts) }];
}

/** How far one dataset has got, against what the calendar expects by now. */
export interface Freshness {
  dataset: string;
  /** Newest session it has, or was synced for; null when it never was. */
  newest: string | null;
  /** Sessions it lacks of those that are expected; null when it never was. */
  behind: number | null;
  /** `current`, `2 sessions behind`, `never` */
  age: string;
  /** When it was last brought up to date, ISO UTC; null where the ledger does not say. */
  syncedAt: string | null;
  /** How its task ended last. */
  status: string | null;
}

export interface FreshnessFacts {
  /** The session that is to be there by now. */
  expected: string;
  /** Newest session of the lake itself. */
  sessions: string | undefined;
  histories: string | null;
  bars: string | null;
  /** Newest session in `stock_prices`; undefined where it is not filled. */
  prices: string | null | undefined;
  /** Latest row of each task, and the newest session each was well for. */
  latest: readonly SqlRow[];
  good: readonly SqlRow[];
}

/** Pure: one row a dataset, those of the lake first. A list that no night ever asked for has none. */
export function freshnessOf(facts: FreshnessFacts): Freshness[] {
  const { expected, sessions, histories, bars, prices, latest, good } = facts;
  const row = (dataset: string, task: string, newest: string | null): Freshness => {
    const last = latest.find(({ task_name }) => task_name === task);
    const well = good.find(({ task_name }) => task_name === task);
    const behind = newest === null ? null : sessionsAfter(newest, expected);
    return {
      dataset,
      newest,
      behind,
      age: ageText(behind),
      syncedAt: ledgerInstant(well?.completed_at),
      status: last ? String(last.status) : null,
    };
  };
  const lists = Object.entries(DATASET_OF_TASK).flatMap(([task, dataset]) => {
    if (!latest.some(({ task_name }) => task_name === task)) return [];
    const session = good.find(({ task_name }) => task_name === task)?.session;
    return [row(dataset, task, session ? String(session) : null)];
  });
  if (sessions === undefined) return lists;
  return [
    row('prices', 'prices', sessions),
    ...(prices === undefined ? [] : [row('stock_prices', 'prices', prices)]),
    row('history', 'consolidate', histories),
    row('N-session bars', 'resample', bars),
    ...lists,
  ];
}

function sessionsAfter(newest: string, expected: string): number {
  return newest >= expected ? 0 : sessionsBetween(newest, expected).filter((date) => date > newest).length;
}

function ageText(behind: number | null): string {
  if (behind === null) return 'never';
  if (behind === 0) return 'current';
  return `${counted(behind, 'session')} behind`;
}
