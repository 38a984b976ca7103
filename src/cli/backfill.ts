import { resolve } from 'node:path';
import { closureReason, lastClosedSession, parseDate, sessionsBetween } from '../calendar/sessions.ts';
import { NamedError } from '../errors.ts';
import { jobsAreBehind } from '../lake/behind.ts';
import { heldSessions } from '../lake/ingest.ts';
import { claimLake, lakeKind } from '../lake/stamp.ts';
import type { Laptop } from '../local/laptop.ts';
import { flatFiles as readFlatFiles } from '../vendors/flat-files.ts';
import { type Context, onLaptop } from './context.ts';
import { exitCodeOf, type Outcome, outcomeOf, printOutcome } from './outcome.ts';
import { showProgress } from './progress.ts';
import { figure, type Terminal, table } from './terminal.ts';

/** Sessions per execution; the execution history on AWS has an end. */
const CHUNK = 250;

export interface BackfillOptions {
  from: string;
  to: string;
  source?: string;
  flatFiles?: string;
}

/** Fetches every session of a range that is not held, chunk after chunk. */
export async function backfill(options: BackfillOptions, context: Context): Promise<number> {
  const { from, to } = askedRange(options);
  const source = askedSource(options);
  const flatFiles = options.flatFiles === undefined ? undefined : resolve(options.flatFiles);
  const { terminal, config } = context;
  // A folder without flat files is refused before anything is opened.
  if (flatFiles !== undefined) await readFlatFiles(flatFiles).sessions(from, to);
  return onLaptop(context, source === 'flat-files' ? { flatFiles } : {}, async (laptop) => {
    await requireKind(laptop);
    const held = new Set((await heldSessions(laptop.stores.lake)).map(({ date }) => date));
    const sessions = sessionsBetween(from, to);
    const missing = sessions.filter((date) => !held.has(date));
    if (!terminal.json)
      terminal.note(
        `${sessions.length} sessions, ${sessions.length - missing.length} held, ${missing.length} to fetch.`,
      );
    // With every session held there may still be jobs to finish: one execution over the range sees to it.
    const unfinished = missing.length === 0 && (await jobsAreBehind(laptop.stores.lake, config.RESAMPLING_INTERVALS));
    const wanted = unfinished ? sessions.slice(-1) : missing;
    const outcomes = await backfillChunks(wanted, source, laptop, context);
    report(outcomes, laptop, context);
    return Math.max(0, ...outcomes.map(({ status }) => exitCodeOf(status)));
  });
}

/** One execution per chunk of sessions, oldest first; ends at the first chunk that fails. */
export async function backfillChunks(
  sessions: readonly string[],
  source: 'api' | 'flat-files',
  laptop: Laptop,
  { terminal, signal }: Context,
): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  for (let start = 0; start < sessions.length; start += CHUNK) {
    const chunk = sessions.slice(start, start + CHUNK);
    const [from, to] = [chunk[0]!, chunk.at(-1)!];
    if (!terminal.json) terminal.note(`Backfill ${from} to ${to}: ${chunk.length} sessions`);
    const progress = showProgress(terminal, laptop.timeScale);
    const result = await laptop.run({ from, to, source }, { name: `backfill-${to}`, ...progress, signal });
    progress.end();
    const outcome = await outcomeOf(result, laptop.stores, { session: to, kind: 'backfill' });
    outcomes.push(outcome);
    if (outcome.status === 'Failed') break;
  }
  return outcomes;
}

/**
 * Before anything is opened or written: the vendors reached are of the kind of data this home holds.
 * @throws Lake.WrongKind
 */
export async function requireKind({ stores, practice }: Laptop): Promise<void> {
  if ((await lakeKind(stores.lake)) !== undefined) await claimLake(stores.lake, practice ? 'practice' : 'real');
}

function askedRange({ from, to }: BackfillOptions): { from: string; to: string } {
  const range = { from: parseDate(from), to: parseDate(to) };
  if (range.from > range.to) {
    throw new NamedError('Usage.Invalid', {
      what: '--from lies after --to',
      found: `${from} and ${to}`,
      wanted: 'the older date first',
    });
  }
  const last = lastClosedSession(new Date());
  if (range.from > last) {
    throw new NamedError('Usage.Invalid', {
      what: `no session from ${from} to ${to} has closed yet`,
      wanted: `dates up to ${last}, the last closed session`,
    });
  }
  if (sessionsBetween(range.from, range.to).length === 0) {
    const why = closureReason(range.from);
    throw new NamedError('Usage.Invalid', { what: `there is no session from ${from} to ${to}`, found: why });
  }
  return { from: range.from, to: [range.to, last].sort()[0]! };
}

function askedSource({ source, flatFiles }: BackfillOptions): 'api' | 'flat-files' {
  const known = source ?? (flatFiles === undefined ? 'api' : 'flat-files');
  if (known !== 'api' && known !== 'flat-files') {
    throw new NamedError('Usage.Invalid', { what: `--source ${known} is unknown`, wanted: 'api or flat-files' });
  }
  if (known === 'flat-files' && flatFiles === undefined) {
    throw new NamedError('Usage.Invalid', {
      what: '--source flat-files needs a folder',
      wanted: '--flat-files DIR with YYYY/MM/YYYY-MM-DD.csv.gz',
    });
  }
  return known;
}

function report(outcomes: readonly Outcome[], laptop: Laptop, { terminal }: Context): void {
  const [only] = outcomes;
  if (terminal.json) terminal.print(JSON.stringify(outcomes));
  else if (!only) terminal.print('Nothing to do: every session of the range is held.');
  else if (outcomes.length === 1) printOutcome(only, laptop.home, terminal);
  else printChunks(outcomes, laptop, terminal);
}

function printChunks(outcomes: readonly Outcome[], laptop: Laptop, terminal: Terminal): void {
  for (const outcome of outcomes) {
    if (outcome.status !== 'Succeeded') printOutcome(outcome, laptop.home, terminal);
  }
  const rows = outcomes.map(({ session, status, datasets, seconds, sessions }) => {
    const bars = datasets.find(({ name }) => name === 'prices');
    return [session, status, sessions?.published.length ?? 0, bars?.rows ?? 0, bars?.rejected ?? 0, seconds];
  });
  const sum = (column: number) => rows.reduce((total, row) => total + (row[column] as number), 0);
  terminal.print(`\n${table(['up to', 'status', 'sessions', 'rows', 'rejected', 'seconds'], rows)}`);
  terminal.print(`\n${figure(sum(2))} sessions, ${figure(sum(3))} rows stored, ${figure(sum(4))} quarantined.`);
}
