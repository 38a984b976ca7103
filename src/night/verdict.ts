import type { DatasetResult, NightStatus, TaskStatus } from './night.ts';
import { type CloseInput, causeText, describe, type JobResult } from './outcome.ts';
import { DATASET_OF_TASK } from './reference-datasets.ts';

export interface Verdict {
  status: NightStatus;
  datasets: DatasetResult[];
  reasons: string[];
  notes: string[];
  sessions: { published: string[]; held: string[]; failed: string[] };
  /** The session's bars are published, consolidated and resampled. */
  pricesDone: boolean;
}

const EMPTY = { rows: 0, new: 0, changed: 0, revised: 0, rejected: 0, pages: 0, seconds: 0 };

/** Pure: one word for the night from what each part came to (the table in DESIGN 2). */
export function judgeNight(outcome: CloseInput, jobs: Readonly<Record<string, JobResult | undefined>>): Verdict {
  const { night, prices, trouble } = outcome;
  const reference = referenceDatasets(outcome);
  const bars = night.prices.due ? [pricesDataset(outcome)] : notDue(outcome);
  const jobSets = jobDatasets(outcome, jobs);
  const datasets = [...reference, ...bars, ...jobSets];
  const core = [...bars, ...jobSets];
  const failed = (set: DatasetResult) => set.status === 'failed' || (night.kind === 'task' && set.status === 'partial');
  const sessions = {
    published: prices.published.map(({ date }) => date),
    held: prices.check?.held ?? [],
    failed: prices.staged.filter(({ status }) => status === 'failed').map(({ date }) => date),
  };
  let status: NightStatus = 'Succeeded';
  if (datasets.some(({ status: word }) => !['success', 'skipped'].includes(word))) status = 'Partial';
  if (sessions.held.length > 0) status = 'Held';
  if (trouble || core.some(failed) || (night.kind === 'task' && reference.some(failed))) status = 'Failed';
  // That a list is fresh is why it was not asked for again, not a fault of the night.
  const fresh = new Set(night.skipped.filter((skip) => skip.fresh).map(({ task }) => task));
  const said = datasets.flatMap(({ task, status: word, reasons }) =>
    word === 'success' || fresh.has(task)
      ? []
      : reasons.map((reason) => (reason.startsWith(task) ? reason : `${task}: ${reason}`)),
  );
  return {
    status,
    datasets,
    reasons: [...(trouble ? [describe(trouble)] : []), ...said],
    notes: [...(prices.check?.notes ?? []), ...goneNotes(prices)],
    sessions,
    pricesDone: night.prices.due && bars.every(({ status: word }) => word === 'success') && !jobSets.some(failed),
  };
}

/** Rows that were served and are not any more deserve a word of their own. */
function goneNotes({ published }: CloseInput['prices']): string[] {
  const gone = published.filter(({ removed }) => removed > 0);
  return gone.slice(0, 20).map(({ date, removed }) => `${date}: ${removed} symbols that were served before are gone`);
}

function referenceDatasets({ night, reference }: CloseInput): DatasetResult[] {
  const ran = reference.flatMap(({ results }) => results);
  const done = ran.map(({ task, seconds, page, trouble }): DatasetResult => {
    const name = DATASET_OF_TASK[task] ?? task;
    if (trouble) {
      const status: TaskStatus = trouble.error === 'Vendor.KeyMissing' ? 'skipped' : 'failed';
      const counts = page ? { rows: page.rows, pages: page.pages, rejected: page.rejected } : {};
      return {
        ...EMPTY,
        ...counts,
        name,
        task,
        status,
        seconds,
        reasons: [`${trouble.error}: ${causeText(trouble.cause)}`],
      };
    }
    return { ...EMPTY, ...page!, name, task, seconds, reasons: page!.reasons };
  });
  const skipped = night.skipped.map(({ task, reason }): DatasetResult => {
    return { ...EMPTY, name: DATASET_OF_TASK[task] ?? task, task, status: 'skipped', reasons: [reason] };
  });
  // Lanes that a trouble outside them kept from running at all.
  const seen = new Set([...done, ...skipped].map(({ task }) => task));
  const lost = night.lanes.flatMap(({ tasks }) => tasks).filter((task) => !seen.has(task));
  return [
    ...done.map(({ name, task, status, rows, new: added, changed, revised, rejected, pages, seconds, reasons }) => {
      return { name, task, status, rows, new: added, changed, revised, rejected, pages, seconds, reasons };
    }),
    ...skipped,
    ...lost.map((task): DatasetResult => {
      return { ...EMPTY, name: DATASET_OF_TASK[task] ?? task, task, status: 'failed', reasons: ['did not run'] };
    }),
  ];
}

function notDue({ night }: CloseInput): DatasetResult[] {
  if (night.prices.reason === '') return [];
  const reason = night.prices.reason.replace(/^prices: /, '');
  return [{ ...EMPTY, name: 'prices', task: 'prices', status: 'skipped', reasons: [reason] }];
}

function pricesDataset({ prices, trouble }: CloseInput): DatasetResult {
  const reasons: string[] = [];
  let status: TaskStatus = 'success';
  const missing = prices.staged.filter((session) => session.status !== 'staged');
  for (const { date, status: word, reason, trouble: cause } of missing.slice(0, 20)) {
    reasons.push(`${date}: ${cause ? `${cause.error}: ${causeText(cause.cause)}` : reason}`);
    if (word === 'skipped' && status === 'success') status = 'partial';
    if (word === 'failed') status = 'failed';
  }
  if (prices.check && prices.check.held.length > 0) {
    reasons.push(...prices.check.holds);
    if (status !== 'failed') status = 'held';
  }
  if (prices.trouble && !isJob(prices.trouble.state)) {
    reasons.push(describe(prices.trouble));
    status = 'failed';
  }
  if (trouble?.state === 'Prepare Warehouse') status = 'failed';
  const sum = (field: 'rows' | 'new' | 'changed' | 'rejected') =>
    prices.published.reduce((total, session) => total + session[field], 0);
  const heldRejects = prices.published.length === 0 ? prices.staged.reduce((total, one) => total + one.rejected, 0) : 0;
  return {
    name: 'prices',
    task: 'prices',
    status,
    rows: sum('rows'),
    new: sum('new'),
    changed: sum('changed'),
    revised: sum('changed'),
    rejected: sum('rejected') + heldRejects,
    pages: prices.staged.length,
    seconds: prices.seconds,
    reasons,
  };
}

function isJob(state: string): boolean {
  return state === 'Consolidate' || state === 'Resample';
}

function jobDatasets({ night, prices }: CloseInput, results: Readonly<Record<string, JobResult | undefined>>) {
  const datasets: DatasetResult[] = prices.jobs.map(({ task, seconds }) => {
    const result = results[task]?.runId === night.runId ? results[task] : undefined;
    const counts = { rows: result?.rows ?? 0, changed: result?.filesWritten ?? 0 };
    // Below the job's own threshold it ends well although single symbols were left as they are; that is said.
    const errors = result?.errors ?? [];
    const reasons = errors.slice(0, 5).map(({ name, message }) => `${name}: ${message}`);
    if (errors.length > 5) reasons.push(`${errors.length} symbols in all`);
    const status = errors.length > 0 ? 'partial' : 'success';
    return { ...EMPTY, ...counts, name: task, task, status, seconds, reasons };
  });
  if (prices.trouble && isJob(prices.trouble.state)) {
    const task = prices.trouble.state.toLowerCase();
    const reasons = [`${prices.trouble.error}: ${causeText(prices.trouble.cause)}`];
    datasets.push({ ...EMPTY, name: task, task, status: 'failed', reasons });
  }
  return datasets;
}
