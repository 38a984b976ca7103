import { DATASET_OF_TASK } from '../datasets/registry.ts';
import { type Reason, readReasons, storedReasons } from '../records/reason.ts';
import type { DatasetResult, FailedSymbol, JobResult, NightStatus, ReleaseEffect, TaskStatus } from '../records/run.ts';
import { counted } from '../text.ts';
import { isOwnSession } from './back-off.ts';
import { type CloseInput, causeText, describe, errorOf, readCause, triedText } from './close-input.ts';

/** One dataset's share before it is stored. */
export interface DatasetOutcome extends Omit<DatasetResult, 'reasons' | 'reasonDetails'> {
  reasons: Reason[];
}

export interface Verdict {
  status: NightStatus;
  datasets: DatasetOutcome[];
  reasons: Reason[];
  notes: string[];
  /** `unchanged`: fetched again and found as they are served. */
  sessions: { published: string[]; held: string[]; unchanged: string[]; failed: string[] };
  /** What a release of the held sessions would do. */
  releasing?: ReleaseEffect;
  /** The session's bars are published, consolidated and resampled. */
  pricesDone: boolean;
}

const EMPTY = { rows: 0, new: 0, changed: 0, revised: 0, rejected: 0, pages: 0, seconds: 0 };

/** Pure: one word for the night from what each part came to (the table in docs/design.md, Verdicts). */
export function judgeNight(outcome: CloseInput, jobs: Readonly<Record<string, JobResult | undefined>>): Verdict {
  const { night, prices, trouble } = outcome;
  const reference = referenceDatasets(outcome);
  const account = night.prices.due ? pricesAccount(outcome) : undefined;
  const bars = account ? [account.dataset] : notDue(outcome);
  const jobSets = jobDatasets(outcome, jobs);
  // That a list is fresh is why it was not asked for again, not a fault of the night.
  const fresh = new Set(night.skipped.filter((skip) => skip.fresh).map(({ task }) => task));
  const datasets = [...reference, ...bars, ...jobSets].map((set) =>
    set.status === 'skipped' ? { ...set, fresh: fresh.has(set.task) } : set,
  );
  const core = [...bars, ...jobSets];
  const failed = (set: DatasetOutcome) =>
    set.status === 'failed' || (night.kind === 'task' && set.status === 'partial');
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
  const said = datasets.flatMap(({ name, task, status: word, reasons }) =>
    word === 'success' || fresh.has(task)
      ? []
      : reasons.map((reason): Reason => ({ dataset: name, ...reason, text: `${task}: ${reason.text}` })),
  );
  return {
    status,
    datasets,
    reasons: [...(trouble ? [reasonOf(trouble)] : []), ...said],
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

/** A verdict's datasets as night.json and the ledger have them. */
export function storedDatasets(datasets: readonly DatasetOutcome[]): DatasetResult[] {
  return datasets.map(({ reasons, ...set }) => ({ ...set, ...storedReasons(reasons) }));
}

/** What broke off a part of the machine, with the state it was in. */
function reasonOf(trouble: NonNullable<CloseInput['trouble']>): Reason {
  return { error: errorOf(trouble), text: describe(trouble) };
}

/** The same where the dataset says which part it was. */
function causeOf(trouble: NonNullable<CloseInput['trouble']>, retries?: number): Reason {
  const text = `${trouble.error}: ${causeText(trouble.cause)}${triedText(trouble.error, retries)}`;
  return { error: errorOf(trouble), text };
}

function listNotes({ reference }: CloseInput): string[] {
  return reference.flatMap(({ results }) => results.flatMap(({ page }) => page?.notes ?? []));
}

/** Nothing to ask with, or nothing to be had today: what is stored stays, and no one need fix anything. */
const WITHOUT_FAULT: ReadonlySet<string> = new Set(['Vendor.KeyMissing', 'Vendor.NotYetAvailable']);

function referenceDatasets({ night, reference, enriched }: CloseInput): DatasetOutcome[] {
  const ran = [...reference.flatMap(({ results }) => results), ...enriched];
  const done = ran.map((one): DatasetOutcome => {
    const { task, seconds, startedAt, endedAt, page, trouble, skipped: unasked } = one;
    const name = DATASET_OF_TASK[task] ?? task;
    const times = { seconds, startedAt, endedAt };
    if (trouble && unasked) {
      const { error, text } = causeOf(trouble);
      const reason = { error, text: `its vendor is not asked again tonight: ${text}` };
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
        reasons: [causeOf(trouble)],
      };
    }
    return { ...EMPTY, ...page!, name, task, ...times, reasons: readReasons(page!) };
  });
  const skipped = night.skipped.map(({ task, reason }): DatasetOutcome => {
    const name = DATASET_OF_TASK[task] ?? task;
    return { ...EMPTY, name, task, status: 'skipped', ...decidedAt(night), reasons: [{ text: reason }] };
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
    ...lost.map((task): DatasetOutcome => {
      const reasons = [{ text: 'did not run' }];
      return { ...EMPTY, name: DATASET_OF_TASK[task] ?? task, task, status: 'failed', reasons };
    }),
  ];
}

function notDue({ night }: CloseInput): DatasetOutcome[] {
  const { reason, why = reason } = night.prices;
  if (why === '') return [];
  const reasons = [{ text: why }];
  return [{ ...EMPTY, name: 'prices', task: 'prices', status: 'skipped', ...decidedAt(night), reasons }];
}

/** What is not due was left out when the night was planned. */
function decidedAt({ openedAt }: CloseInput['night']): Pick<DatasetResult, 'startedAt' | 'endedAt'> {
  return { startedAt: openedAt, endedAt: openedAt };
}

const SHOWN = 20;
/** Symbols of one job that a night's ledger row carries; all of them stand in the job's own result. */
const LISTED = 200;

export interface PricesAccount {
  dataset: DatasetOutcome;
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
  const unasked = failed.filter((one) => 'unasked' in one && one.unasked);
  const asked = [...own, ...failed.filter((one) => !isOwn(one))].filter((one) => !unasked.includes(one));
  const reasons = [...asked.slice(0, SHOWN).map(reasonOfSession), ...unaskedReasons(unasked)];
  const held = prices.check?.held ?? [];
  const broken = prices.trouble !== null && !isJob(prices.trouble.state);
  if (held.length > 0) reasons.push(...holdsOf(prices.check!));
  if (broken) reasons.push(reasonOf(prices.trouble!));
  const isHeld = held.some((date) => isOwn({ date }));
  let status: TaskStatus = 'success';
  if (failed.length + held.length > 0 || skipped.some(isOwn)) status = 'partial';
  if (isHeld) status = 'held';
  if (failed.some(isOwn) || broken || trouble?.state === 'Prepare Warehouse') status = 'failed';
  const sum = (field: 'rows' | 'new' | 'changed' | 'rejected') =>
    prices.published.reduce((total, session) => total + session[field], 0);
  const withheldRejects =
    prices.published.length === 0 ? prices.staged.reduce((total, one) => total + one.rejected, 0) : 0;
  const dataset = {
    name: 'prices',
    task: 'prices',
    status,
    rows: sum('rows'),
    new: sum('new'),
    changed: sum('changed'),
    revised: prices.published.reduce((total, { revised, changed }) => total + (revised ?? changed), 0),
    rejected: sum('rejected') + withheldRejects,
    pages: prices.staged.length,
    seconds: prices.seconds,
    startedAt: prices.startedAt,
    endedAt: prices.endedAt,
    reasons,
  };
  const done = own.length === 0 && !isHeld && status !== 'failed';
  return {
    dataset,
    notes: [...notes.slice(0, SHOWN).map((one) => reasonOfSession(one).text), ...revisedNotes(prices)],
    done,
  };
}

function reasonOfSession({
  date: session,
  reason,
  trouble,
  retries,
}: Pick<CloseInput['prices']['staged'][number], 'date' | 'reason' | 'trouble' | 'retries'>): Reason {
  const { error, text } = trouble ? causeOf(trouble, retries) : { text: reason };
  return { session, error, text: `${session}: ${text}` };
}

/** One sentence for all sessions that were spared a vendor that is down. */
function unaskedReasons(unasked: readonly { date: string }[]): Reason[] {
  const dates = unasked.map(({ date }) => date).sort();
  const [first, last] = [dates[0], dates.at(-1)];
  if (first === undefined) return [];
  const which = dates.length === 1 ? first : `${first} to ${last}`;
  const were = dates.length === 1 ? 'was' : 'were';
  const text = `${counted(dates.length, 'more session')} (${which}) ${were} not asked for: the vendor is down`;
  return [{ error: 'Vendor.Unavailable', text }];
}

function holdsOf({ holds, holdDates = [] }: NonNullable<CloseInput['prices']['check']>): Reason[] {
  return holds.map((text, place) => ({ session: holdDates[place], text }));
}

/** Rows that were served and are now others, or none, deserve a word of their own. */
function revisedNotes({ published }: CloseInput['prices']): string[] {
  return published
    .flatMap(({ date, revised = 0, removed, notes = [] }) => [
      ...(revised > 0
        ? [
            `${date}: ${counted(revised, 'bar')} ${revised === 1 ? 'was' : 'were'} revised; query "SELECT * FROM revisions" shows them`,
          ]
        : []),
      ...(removed > 0
        ? [`${date}: ${counted(removed, 'symbol')} served before ${removed === 1 ? 'is' : 'are'} gone`]
        : []),
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
): DatasetOutcome[] {
  const resultOf = (task: string) => (results[task]?.runId === night.runId ? results[task] : undefined);
  const datasets = prices.jobs.map(({ task, seconds, startedAt, endedAt }): DatasetOutcome => {
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
    const reasons = reasonsOfJob(prices.trouble, damage);
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

/**
 * The service's words, "Essential container in task exited", say less than the job's own; an array's parent has none.
 * A job's own last words are the one error that ended it, or Job.Failed with the first of several.
 */
function reasonsOfJob(trouble: NonNullable<CloseInput['trouble']>, damage: readonly Reason[]): Reason[] {
  const { own } = readCause(trouble.cause);
  const whole = causeOf(trouble);
  const isSaid = ({ error, text }: Reason, place: number) =>
    own !== undefined && (own.name === 'Job.Failed' ? place === 0 : error === own.name && text === textOf(own));
  const repeated = damage.find(isSaid);
  const [first, ...more] = damage.filter((one) => one !== repeated);
  const said = repeated ? { ...repeated, text: whole.text } : whole;
  return [...(first ? [first] : []), said, ...more];
}

function textOf({ name, message }: { name: string; message: string }): string {
  return `${name}: ${message}`;
}

function damageOf(result: JobResult | undefined): { reasons: Reason[]; failed: FailedSymbol[] } {
  const errors = result?.errors ?? [];
  const reasons = errors.slice(0, 5).map((one): Reason => {
    return { symbol: one.symbol ?? undefined, error: one.name, text: textOf(one) };
  });
  const symbols = [...new Set(errors.flatMap(({ symbol }) => symbol ?? []))];
  if (errors.length > 5) {
    const named = symbols.slice(0, SHOWN).join(', ') + (symbols.length > SHOWN ? ', …' : '');
    reasons.push({ text: `${counted(symbols.length, 'symbol')} in all: ${named}` });
  }
  const failed = errors.flatMap(({ symbol, ...one }) => (symbol ? [{ symbol, reason: textOf(one) }] : []));
  return { reasons, failed: failed.slice(0, LISTED) };
}
