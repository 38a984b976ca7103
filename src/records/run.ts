import { counted } from '../text.ts';
import type { StoredReasons } from './reason.ts';

/** What a release of a run's held sessions would do to what is served. */
export interface ReleaseEffect {
  sessions: number;
  /** Served rows that would have other values. */
  changed: number;
  /** Served rows that would be gone. */
  removed: number;
}

/** Pure: one sentence for whoever decides about a release. */
export function releaseText({ sessions, changed, removed }: ReleaseEffect): string {
  const rows = (count: number) => counted(count, 'served row');
  const parts = [
    `publishes ${counted(sessions, 'session')}`,
    ...(changed > 0 ? [`changes ${rows(changed)}`] : []),
    removed > 0 ? `removes ${rows(removed)}` : 'removes no served row',
  ];
  return `Releasing ${parts.slice(0, -1).join(', ')} and ${parts.at(-1)}.`;
}
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

/** One dataset's share of a night, as in night.json and `--json` (docs/data-dictionary.md). */
export interface DatasetResult extends StoredReasons {
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
  /** Of a skipped one: it was fresh enough not to be asked for again. Absent in reports of earlier versions. */
  fresh?: boolean;
  /** Single symbols left as they were; `status --failed` lists them. */
  failed?: FailedSymbol[];
}

export interface FailedSymbol {
  symbol: string;
  reason: string;
}

/** One state of the machine as it went, or one item of a Map in it; in night.json and drawn in the report. */
export interface StageTiming {
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

/** What a night used of AWS, or would have used there. */
export interface NightQuantities {
  transitions: number;
  functionCalls: number;
  functionGbSeconds: number;
  /** From the start of the container. */
  jobVcpuSeconds: number;
  /** GET and HEAD. */
  s3Reads: number;
  /** PUT and LIST. */
  s3Writes: number;
  /** An estimate: the night and the quarter of an hour until the warehouse pauses, at one unit. */
  acuSeconds: number;
}

/** The same in USD at list prices without free tier; on a laptop, what the night would have cost. */
export interface NightCost {
  usd: number;
  /** False on a laptop, where nothing was paid. */
  paid: boolean;
  region: string;
  /** The month the prices are of. */
  pricesOf: string;
  parts: Record<'stepFunctions' | 'lambda' | 'fargate' | 's3' | 'auroraEstimated', number>;
  quantities: NightQuantities;
}

/** Pure: one sentence for report and status. */
export function costText({ usd, region, paid }: NightCost): string {
  const amount = usd < 0.095 ? usd.toFixed(3) : usd.toFixed(2);
  return `${paid ? 'Cost' : 'Would cost'} about $${amount} at ${region} list prices; the warehouse's share is estimated.`;
}

/** night.json */
export interface NightReport extends StoredReasons {
  runId: string;
  session: string;
  kind: NightKind;
  status: NightStatus;
  practice: boolean;
  startedAt: string;
  completedAt: string;
  seconds: number;
  datasets: DatasetResult[];
  notes: string[];
  sessions: { published: string[]; held: string[]; unchanged?: string[]; failed: string[] };
  /** What a release would do; only while sessions are held. */
  releasing?: ReleaseEffect;
  /** What it cost; absent in reports of earlier versions. */
  cost?: NightCost;
  /** How each state went; absent in reports of earlier versions. */
  stages?: StageTiming[];
}
/** What a job wrote to its known key; Batch itself returns nothing. */
export interface JobResult {
  runId: string;
  status: string;
  symbols?: number;
  rows?: number;
  filesWritten?: number;
  errors?: { name: string; message: string; symbol?: string | null }[];
  notes?: string[];
  seconds: number;
  /** What the job asked of the lake. */
  requests?: { reads: number; writes: number };
}
