import type { DatasetResult, NightStatus, TaskStatus } from './night.ts';
import { type CloseInput, causeText, describe, type JobResult } from './outcome.ts';
import { jobDatasets, jobNotes, pricesAccount } from './price-datasets.ts';
import { DATASET_OF_TASK } from './reference-datasets.ts';
import type { ReleaseEffect } from './release-effect.ts';

export interface Verdict {
  status: NightStatus;
  datasets: DatasetResult[];
  reasons: string[];
  notes: string[];
  /** `unchanged`: fetched again and found as they are served. */
  sessions: { published: string[]; held: string[]; unchanged: string[]; failed: string[] };
  /** What a release of the held sessions would do. */
  releasing?: ReleaseEffect;
  /** The session's bars are published, consolidated and resampled. */
  pricesDone: boolean;
}

const EMPTY = { rows: 0, new: 0, changed: 0, revised: 0, rejected: 0, pages: 0, seconds: 0 };

/** Pure: one word for the night from what each part came to (the table in DESIGN 2). */
export function judgeNight(outcome: CloseInput, jobs: Readonly<Record<string, JobResult | undefined>>): Verdict {
  const { night, prices, trouble } = outcome;
  const reference = referenceDatasets(outcome);
  const account = night.prices.due ? pricesAccount(outcome) : undefined;
  const bars = account ? [account.dataset] : notDue(outcome);
  const jobSets = jobDatasets(outcome, jobs);
  const datasets = [...reference, ...bars, ...jobSets];
  const core = [...bars, ...jobSets];
  const failed = (set: DatasetResult) => set.status === 'failed' || (night.kind === 'task' && set.status === 'partial');
  const sessions = {
    published: prices.published.map(({ date }) => date),
    held: prices.check?.held ?? [],
    unchanged: prices.check?.unchanged ?? [],
    failed: [
      ...prices.staged.filter(({ date, status }) => status === 'failed' && !night.prices.again.includes(date)),
      ...prices.unpublished,
    ].map(({ date }) => date),
  };
  let status: NightStatus = 'Succeeded';
  if (datasets.some(({ status: word }) => !['success', 'skipped'].includes(word))) status = 'Partial';
  if (bars.some((set) => set.status === 'held')) status = 'Held';
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
    notes: [
      ...night.notes,
      ...listNotes(outcome),
      ...(prices.check?.notes ?? []),
      ...(account?.notes ?? []),
      ...jobNotes(outcome, jobs),
    ],
    sessions,
    ...(prices.check?.releasing && { releasing: prices.check.releasing }),
    pricesDone: account?.done === true && !jobSets.some(failed),
  };
}

function listNotes({ reference }: CloseInput): string[] {
  return reference.flatMap(({ results }) => results.flatMap(({ page }) => page?.notes ?? []));
}

/** Nothing to ask with, or nothing to be had today: what is stored stays, and no one need mend anything. */
const WITHOUT_FAULT: ReadonlySet<string> = new Set(['Vendor.KeyMissing', 'Vendor.NotYetAvailable']);

function referenceDatasets({ night, reference, enriched }: CloseInput): DatasetResult[] {
  const ran = [...reference.flatMap(({ results }) => results), ...enriched];
  const done = ran.map(({ task, seconds, startedAt, endedAt, page, trouble, skipped: unasked }): DatasetResult => {
    const name = DATASET_OF_TASK[task] ?? task;
    const times = { seconds, startedAt, endedAt };
    if (trouble && unasked) {
      const reason = `its vendor is not asked again tonight: ${trouble.error}: ${causeText(trouble.cause)}`;
      return { ...EMPTY, name, task, status: 'skipped', ...times, reasons: [reason] };
    }
    if (trouble) {
      const status: TaskStatus = WITHOUT_FAULT.has(trouble.error) ? 'skipped' : 'failed';
      const counts = page ? { rows: page.rows, pages: page.pages, rejected: page.rejected } : {};
      return {
        ...EMPTY,
        ...counts,
        name,
        task,
        status,
        ...times,
        reasons: [`${trouble.error}: ${causeText(trouble.cause)}`],
      };
    }
    return { ...EMPTY, ...page!, name, task, ...times, reasons: page!.reasons };
  });
  const skipped = night.skipped.map(({ task, reason }): DatasetResult => {
    const name = DATASET_OF_TASK[task] ?? task;
    return { ...EMPTY, name, task, status: 'skipped', ...decidedAt(night), reasons: [reason] };
  });
  // Lanes that a trouble outside them kept from running at all.
  const seen = new Set([...done, ...skipped].map(({ task }) => task));
  const planned = [...night.lanes.flatMap(({ tasks }) => tasks), ...night.enrich.map(({ task }) => task)];
  const lost = planned.filter((task) => !seen.has(task));
  return [
    ...done.map(
      ({
        name,
        task,
        status,
        rows,
        new: added,
        changed,
        revised,
        rejected,
        pages,
        seconds,
        startedAt,
        endedAt,
        reasons,
        failed,
      }) => {
        const counts = { rows, new: added, changed, revised, rejected, pages, seconds, startedAt, endedAt };
        return { name, task, status, ...counts, reasons, ...(failed?.length && { failed }) };
      },
    ),
    ...skipped,
    ...lost.map((task): DatasetResult => {
      return { ...EMPTY, name: DATASET_OF_TASK[task] ?? task, task, status: 'failed', reasons: ['did not run'] };
    }),
  ];
}

function notDue({ night }: CloseInput): DatasetResult[] {
  if (night.prices.reason === '') return [];
  const reason = night.prices.reason.replace(/^prices: /, '');
  return [{ ...EMPTY, name: 'prices', task: 'prices', status: 'skipped', ...decidedAt(night), reasons: [reason] }];
}

/** What is not due was left out when the night was planned. */
function decidedAt({ openedAt }: CloseInput['night']): Pick<DatasetResult, 'startedAt' | 'endedAt'> {
  return { startedAt: openedAt, endedAt: openedAt };
}
