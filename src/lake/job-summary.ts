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
  seconds: number;
}

export type Progress = (line: { job: string; done: number; total: number }) => void;
