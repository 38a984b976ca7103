import { DATASET_OF_TASK } from '../../datasets/registry.ts';
import { keys, type Lake, readJson } from '../../lake/lake.ts';
import { quarantinedOn } from '../../lake/quarantine-file.ts';
import type { FailedSymbol, JobResult } from '../../records/run.ts';
import type { SqlRow } from '../../warehouse/client.ts';

/** One symbol that a dataset skipped or failed, and why. */
export interface FailedLine {
  session: string;
  dataset: string;
  symbol: string;
  reason: string;
}

export const JOBS = ['consolidate', 'resample'] as const;

/**
 * Every symbol that was skipped or failed: refused rows and unanswered symbols of these sessions from quarantine, what
 * the last run of each job left as it was, and what rows of the ledger name. In order of session, dataset, symbol.
 */
export async function failedSymbols(
  lake: Lake,
  sessions: readonly string[],
  rows: readonly SqlRow[],
): Promise<FailedLine[]> {
  const lines: FailedLine[] = [];
  for (const session of sessions) {
    const refused = await quarantinedOn(lake, session);
    lines.push(...refused.map(({ dataset, symbol, reason }) => ({ session, dataset, symbol, reason })));
  }
  for (const { task_name, session, failed } of rows) {
    if (isJob(task_name)) continue;
    for (const one of JSON.parse(String(failed ?? '[]')) as FailedSymbol[]) {
      const dataset = DATASET_OF_TASK[String(task_name)] ?? String(task_name);
      lines.push({ session: String(session), dataset, ...one });
    }
  }
  for (const job of JOBS) {
    const result = await readJson<JobResult>(lake, keys.jobResult(job)).catch(() => undefined);
    for (const { name, message, symbol } of result?.errors ?? []) {
      lines.push({ session: '', dataset: job, symbol: symbol ?? '', reason: `${name}: ${message}` });
    }
  }
  const once = new Map(lines.map((line) => [JSON.stringify(line), line]));
  const place = ({ session, dataset, symbol }: FailedLine) => `${session} ${dataset} ${symbol}`;
  return [...once.values()].sort((a, b) => (place(a) < place(b) ? -1 : 1));
}

function isJob(task: unknown): boolean {
  return (JOBS as readonly unknown[]).includes(task);
}
