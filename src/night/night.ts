import * as z from 'zod';
import type { ReleaseEffect } from './check-night.ts';
import type { CloseInput } from './outcome.ts';

const date = z.string().regex(/^\d{4}-\d{2}-\d{2}$/, 'a date YYYY-MM-DD');

/** What starts an execution (DESIGN 2): a schedule, a session by hand, a backfill chunk, a release, or one task. */
export const startInput = z
  .object({
    scheduledTime: z.iso.datetime({ offset: true }).optional(),
    session: date.optional(),
    from: date.optional(),
    to: date.optional(),
    source: z.enum(['api', 'flat-files']).default('api'),
    release: z.string().optional(),
    task: z.string().optional(),
    /** Job settings for a task by hand, e.g. {"MODE":"full"}. */
    settings: z.record(z.string(), z.string()).default({}),
  })
  .refine((input) => (input.from === undefined) === (input.to === undefined), 'from and to go together');
export type StartInput = z.output<typeof startInput>;

export type NightKind = 'night' | 'backfill' | 'release' | 'task';
export type NightStatus = 'Succeeded' | 'Partial' | 'Held' | 'Skipped' | 'Failed';
export type TaskStatus = 'success' | 'partial' | 'held' | 'skipped' | 'failed';

export interface Lane {
  vendor: string;
  tasks: string[];
  /** Lanes of one round run side by side; a round begins when all lanes of the one before have ended. */
  round: number;
}

export interface Enrichment {
  task: string;
  vendors: string[];
}

interface JobPlan {
  wanted: boolean;
  environment: { Name: string; Value: string }[];
}

interface ShardedJobPlan extends JobPlan {
  /** Jobs at once; 1 = a plain job, since an array job has two children at least. */
  shards: number;
}

/** What Open Night decides; the state machine's variable `$night`. */
export interface Night {
  runId: string;
  executionArn: string;
  session: string;
  /** The session that was current when the run was opened; reference lists are dated by it, whatever `session` is. */
  listSession: string;
  kind: NightKind;
  openedAt: string;
  due: boolean;
  /** Why something or everything is not due. */
  reasons: string[];
  lanes: Lane[];
  /** Asked for one after another, whatever became of prices. */
  enrich: Enrichment[];
  /** Worth knowing, whatever becomes of the night. */
  notes: string[];
  /** Lanes and enrichments that do not run, with the reason. */
  skipped: { task: string; reason: string; fresh: boolean }[];
  prices: {
    due: boolean;
    reason: string;
    source: 'api' | 'flat-files';
    /** Sessions to fetch and stage: the night's own, gaps, and those of the trailing window. */
    sessions: string[];
    /** Of these the ones that are held already and looked at again for late corrections. */
    again: string[];
    /** Of these the ones that were missing between held sessions. */
    gaps: string[];
    /** The run whose staging is checked and published: this one, or the one that is released. */
    stagedBy: string;
    /** Of a release, exactly these sessions, without the gates: a person has looked. Null for every other run. */
    released: string[] | null;
    concurrency: number;
  };
  jobs: {
    /** Run the jobs even when nothing was published: an earlier night got no further. */
    always: boolean;
    consolidate: ShardedJobPlan;
    resample: JobPlan;
  };
  releasedRun: string | null;
}

/** One dataset's share of a night, as in night.json and `--json` (DESIGN 4.4). */
export interface DatasetResult {
  name: string;
  task: string;
  status: TaskStatus;
  rows: number;
  new: number;
  changed: number;
  /** Of the changed ones, rows that had been served with other values. */
  revised: number;
  rejected: number;
  pages: number;
  seconds: number;
  /** ISO; absent for what did not run, and in reports of earlier versions. */
  startedAt?: string | undefined;
  endedAt?: string | undefined;
  reasons: string[];
  /** Single symbols left as they were; `status --failed` lists them. */
  failed?: FailedSymbol[];
}

export interface FailedSymbol {
  symbol: string;
  reason: string;
}

/** night.json */
export interface NightReport {
  runId: string;
  session: string;
  kind: NightKind;
  status: NightStatus;
  practice: boolean;
  startedAt: string;
  completedAt: string;
  seconds: number;
  datasets: DatasetResult[];
  reasons: string[];
  notes: string[];
  sessions: { published: string[]; held: string[]; unchanged?: string[]; failed: string[] };
  /** What a release would do; only while sessions are held. */
  releasing?: ReleaseEffect;
  /** How each state went; absent in reports of earlier versions. */
  stages?: Stage[];
}

/** One state of the machine as it went, or one item of a Map in it; in night.json and drawn in the report. */
export interface Stage {
  /** The state's name. */
  state: string;
  /** The dataset or session, for a state inside a Map. */
  item?: string;
  /** Entry to exit, waits and retries included; absent where the machine does not measure it. */
  seconds?: number;
  retries: number;
  pages?: number;
  /** The error that a Catch took. */
  error?: string;
}

/** A backfill chunk has 250 sessions; the graph needs only those that say something. */
const SHOWN_SESSIONS = 50;

/** Pure: what the machine's own variables say of every state up to Close Night, in the order they ended. */
export function stagesOf({ stages = [], reference, enriched, prices }: CloseInput): Stage[] {
  const pages = reference.flatMap(({ results }) =>
    results.map(({ task, seconds, retries = 0, page, trouble }): Stage => {
      const counted = page ? { pages: page.pages } : {};
      return { state: 'Sync Page', item: task, seconds, retries, ...counted, ...errorOf(trouble?.error) };
    }),
  );
  const chunks = enriched.map(({ task, seconds, retries = 0, page, trouble }): Stage => {
    const counted = page ? { pages: page.pages } : {};
    return { state: 'Enrich Chunk', item: task, seconds, retries, ...counted, ...errorOf(trouble?.error) };
  });
  const staged = prices.staged.map(({ date, retries = 0, trouble }): Stage => {
    return { state: 'Stage Session', item: date, retries, ...errorOf(trouble?.error) };
  });
  const published = prices.published.map(({ date, retries = 0 }): Stage => {
    return { state: 'Publish Session', item: date, retries };
  });
  const unpublished = prices.unpublished.map(({ date, retries = 0, trouble }): Stage => {
    return { state: 'Publish Session', item: date, retries, ...errorOf(trouble.error) };
  });
  const own = stages.map(({ state, seconds, retries, error }): Stage => {
    return { state, seconds, retries, ...errorOf(error ?? undefined) };
  });
  return [...own, ...pages, ...few(staged), ...few([...published, ...unpublished]), ...chunks];
}

/** Those that were retried or failed come first; the order among equals stays. */
function few(stages: readonly Stage[]): Stage[] {
  const weight = ({ retries, error }: Stage) => (error ? 2 : 0) + (retries > 0 ? 1 : 0);
  return [...stages].sort((a, b) => weight(b) - weight(a)).slice(0, SHOWN_SESSIONS);
}

function errorOf(error: string | undefined): { error?: string } {
  return error ? { error } : {};
}
