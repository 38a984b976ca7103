import type { DatasetResult, FailedSymbol, TaskStatus } from './night.ts';
import { type CloseInput, causeText, describe, type JobResult } from './outcome.ts';
import { isOwnSession } from './session-back-off.ts';

const EMPTY = { rows: 0, new: 0, changed: 0, revised: 0, rejected: 0, pages: 0, seconds: 0 };
const SHOWN = 20;
/** Symbols of one job that a night's ledger row carries; all of them stand in the job's own result. */
const LISTED = 200;

export interface PricesAccount {
  dataset: DatasetResult;
  notes: string[];
  /** The night's own session is published; only a second look or an old gap may be lacking. */
  done: boolean;
}

/** Pure: what became of prices. An older session that is still bad leaves the night no worse than partial. */
export function pricesAccount({ night, prices, trouble }: CloseInput): PricesAccount {
  const isOwn = ({ date }: { date: string }) => isOwnSession(night, date);
  const missing = prices.staged.filter(({ status }) => status !== 'staged');
  const skipped = missing.filter(({ status }) => status === 'skipped');
  const failed = [
    ...missing.filter(({ status }) => status === 'failed'),
    ...prices.unpublished.map((one) => ({ ...one, reason: '' })),
  ];
  const notes = skipped.filter((one) => !isOwn(one));
  const own = [...skipped, ...failed].filter(isOwn);
  const reasons = [...own, ...failed.filter((one) => !isOwn(one))].slice(0, SHOWN).map(textOf);
  const held = prices.check?.held ?? [];
  const broken = prices.trouble !== null && !isJob(prices.trouble.state);
  if (held.length > 0) reasons.push(...prices.check!.holds);
  if (broken) reasons.push(describe(prices.trouble!));
  const isHeld = held.some((date) => isOwn({ date }));
  let status: TaskStatus = 'success';
  if (failed.length + held.length > 0 || skipped.some(isOwn)) status = 'partial';
  if (isHeld) status = 'held';
  if (failed.some(isOwn) || broken || trouble?.state === 'Prepare Warehouse') status = 'failed';
  const sum = (field: 'rows' | 'new' | 'changed' | 'rejected') =>
    prices.published.reduce((total, session) => total + session[field], 0);
  const heldRejects = prices.published.length === 0 ? prices.staged.reduce((total, one) => total + one.rejected, 0) : 0;
  const dataset = {
    name: 'prices',
    task: 'prices',
    status,
    rows: sum('rows'),
    new: sum('new'),
    changed: sum('changed'),
    revised: prices.published.reduce((total, { revised, changed }) => total + (revised ?? changed), 0),
    rejected: sum('rejected') + heldRejects,
    pages: prices.staged.length,
    seconds: prices.seconds,
    startedAt: prices.startedAt,
    endedAt: prices.endedAt,
    reasons,
  };
  const done = own.length === 0 && !isHeld && status !== 'failed';
  return { dataset, notes: [...notes.slice(0, SHOWN).map(textOf), ...revisedNotes(prices)], done };
}

function textOf({
  date,
  reason,
  trouble,
}: Pick<CloseInput['prices']['staged'][number], 'date' | 'reason' | 'trouble'>): string {
  return `${date}: ${trouble ? `${trouble.error}: ${causeText(trouble.cause)}` : reason}`;
}

/** Rows that were served and are now others, or none, deserve a word of their own. */
function revisedNotes({ published }: CloseInput['prices']): string[] {
  return published
    .flatMap(({ date, revised = 0, removed, notes = [] }) => [
      ...(revised > 0 ? [`${date}: ${revised} bars were revised; query "SELECT * FROM revisions" shows them`] : []),
      ...(removed > 0 ? [`${date}: ${removed} symbols that were served before are gone`] : []),
      ...notes,
    ])
    .slice(0, SHOWN);
}

function isJob(state: string): boolean {
  return state === 'Consolidate' || state === 'Resample';
}

/** Pure: one entry a job that ran, from what it wrote about itself. */
export function jobDatasets(
  { night, prices }: CloseInput,
  results: Readonly<Record<string, JobResult | undefined>>,
): DatasetResult[] {
  const resultOf = (task: string) => (results[task]?.runId === night.runId ? results[task] : undefined);
  const datasets = prices.jobs.map(({ task, seconds, startedAt, endedAt }): DatasetResult => {
    const result = resultOf(task);
    const counts = { rows: result?.rows ?? 0, changed: result?.filesWritten ?? 0 };
    // Below the job's own threshold it ends well although single symbols were left as they are; that is said.
    const { reasons, failed } = damageOf(result);
    const status = reasons.length > 0 ? 'partial' : 'success';
    const times = { seconds, startedAt, endedAt };
    return { ...EMPTY, ...counts, name: task, task, status, ...times, reasons, ...(failed.length > 0 && { failed }) };
  });
  if (prices.trouble && isJob(prices.trouble.state)) {
    const task = prices.trouble.state.toLowerCase();
    const { reasons: damage, failed } = damageOf(resultOf(task));
    // The service's words, "Essential container in task exited", say less than the job's own; an array's parent has none.
    const said = `${prices.trouble.error}: ${causeText(prices.trouble.cause)}`;
    const [first, ...more] = damage.filter((line) => !said.includes(line));
    const reasons = [...(first ? [first] : []), said, ...more];
    const { startedAt, endedAt } = prices.trouble;
    const seconds = startedAt && endedAt ? (Date.parse(endedAt) - Date.parse(startedAt)) / 1000 : 0;
    const times = { seconds, startedAt, endedAt };
    datasets.push({
      ...EMPTY,
      name: task,
      task,
      status: 'failed',
      ...times,
      reasons,
      ...(failed.length > 0 && { failed }),
    });
  }
  return datasets;
}

/** Pure: what the jobs that ran have to tell besides. */
export function jobNotes({ night }: CloseInput, results: Readonly<Record<string, JobResult | undefined>>): string[] {
  return Object.values(results).flatMap((result) => (result?.runId === night.runId ? (result.notes ?? []) : []));
}

function damageOf(result: JobResult | undefined): { reasons: string[]; failed: FailedSymbol[] } {
  const errors = result?.errors ?? [];
  const reasons = errors.slice(0, 5).map(({ name, message }) => `${name}: ${message}`);
  const symbols = [...new Set(errors.flatMap(({ symbol }) => symbol ?? []))];
  if (errors.length > 5) {
    const named = symbols.slice(0, SHOWN).join(', ') + (symbols.length > SHOWN ? ', …' : '');
    reasons.push(`${symbols.length} symbols in all: ${named}`);
  }
  const failed = errors.flatMap(({ name, symbol, message }) =>
    symbol ? [{ symbol, reason: `${name}: ${message}` }] : [],
  );
  return { reasons, failed: failed.slice(0, LISTED) };
}
