import * as z from 'zod';
import type { Enrichment, Lane, NightKind, StageTiming } from '../records/run.ts';
import type { CloseInput } from './outcome.ts';

const date = z.string().regex(/^\d{4}-\d{2}-\d{2}$/, 'a date YYYY-MM-DD');

/** What starts an execution (docs/design.md, A night, step by step): a schedule, a session by hand, a backfill chunk, a release, or one task. */
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
    /** Why not, with the dataset's name in front; empty when due. */
    reason: string;
    /** The same without the name; an execution started before an upgrade does not have it. */
    why?: string;
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

/** A backfill chunk has 250 sessions; the graph needs only those that say something. */
const SHOWN_SESSIONS = 50;

/** Pure: what the machine's own variables say of every state up to Close Night, in the order they ended. */
export function stagesOf({ stages = [], reference, enriched, prices }: CloseInput): StageTiming[] {
  const pages = reference.flatMap(({ results }) =>
    results.map(({ task, seconds, retries = 0, page, trouble }): StageTiming => {
      const counted = page ? { pages: page.pages } : {};
      return { state: 'Sync Page', item: task, seconds, retries, ...counted, ...errorOf(trouble?.error) };
    }),
  );
  const chunks = enriched.map(({ task, seconds, retries = 0, page, trouble }): StageTiming => {
    const counted = page ? { pages: page.pages } : {};
    return { state: 'Enrich Chunk', item: task, seconds, retries, ...counted, ...errorOf(trouble?.error) };
  });
  const staged = prices.staged.map(({ date, retries = 0, trouble }): StageTiming => {
    return { state: 'Stage Session', item: date, retries, ...errorOf(trouble?.error) };
  });
  const published = prices.published.map(({ date, retries = 0 }): StageTiming => {
    return { state: 'Publish Session', item: date, retries };
  });
  const unpublished = prices.unpublished.map(({ date, retries = 0, trouble }): StageTiming => {
    return { state: 'Publish Session', item: date, retries, ...errorOf(trouble.error) };
  });
  const own = stages.map(({ state, seconds, retries, error }): StageTiming => {
    return { state, seconds, retries, ...errorOf(error ?? undefined) };
  });
  return [...own, ...pages, ...few(staged), ...few([...published, ...unpublished]), ...chunks];
}

/** Those that were retried or failed come first; the order among equals stays. */
function few(stages: readonly StageTiming[]): StageTiming[] {
  const weight = ({ retries, error }: StageTiming) => (error ? 2 : 0) + (retries > 0 ? 1 : 0);
  return [...stages].sort((a, b) => weight(b) - weight(a)).slice(0, SHOWN_SESSIONS);
}

function errorOf(error: string | undefined): { error?: string } {
  return error ? { error } : {};
}
