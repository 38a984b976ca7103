/** One thing a job could not do; `symbol` is null when it concerns more than one. */
export interface JobError {
  name: string;
  symbol: string | null;
  message: string;
}

/** What every batch job says in the end: one line on stdout, the same in the lake (keys.jobResult). */
export interface JobSummary {
  job: string;
  runId: string;
  mode: string;
  status: 'success' | 'failed';
  /** Symbols worked on. */
  symbols: number;
  /** Rows the lake holds of what the job makes. */
  rows: number;
  filesWritten: number;
  /** Input files read. */
  filesMerged: number;
  errors: JobError[];
  /** What a reader of the night's report is told of a good run. */
  notes?: string[];
  seconds: number;
  /** Set by one job of several that share a run: these are its own figures. */
  shard?: { index: number; size: number };
  /** Set when the job only said what it would do; then nothing is left in the lake. */
  dryRun?: boolean;
}

export type Progress = (line: { job: string; done: number; total: number }) => void;
