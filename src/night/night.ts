import * as z from 'zod';
import type { Enrichment, Lane, NightKind } from '../records/run.ts';

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
    /** Start the portfolio run, whichever session the night is of. */
    portfolios: z.boolean().optional(),
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
  /** The portfolio run was asked for, whichever session this is. */
  portfolios?: boolean;
}
