import { readFile } from 'node:fs/promises';
import * as z from 'zod';
import { lastClosedSession } from '../calendar/calendar.ts';
import { settingProblem } from '../config.ts';
import { DATASET_OF_TASK } from '../datasets/registry.ts';
import { firstProblem, NamedError } from '../errors.ts';
import { unknownSymbols } from '../jobs/backlog.ts';
import { causeText } from '../night/close-input.ts';
import { startInput } from '../night/night.ts';
import { didYouMean, duration, figure } from '../text.ts';
import { requireKind } from './backfill.ts';
import type { Context } from './context.ts';
import { askedSession, misbehavioursIn, noteUnmet, requireOwnMarket } from './night.ts';
import { exitCodeOf, outcomeOf, printOutcome } from './outcome.ts';
import { localOnly, onPipeline, type Pipeline } from './pipeline.ts';
import { showProgress } from './progress.ts';
import { statusWord, type Terminal } from './terminal.ts';

export interface RunTaskOptions {
  data?: string;
  mode?: string;
  intervals?: string;
  symbols?: string;
  misbehave?: string;
}

/** Settings each job reads; the others would be left alone. */
const JOB_SETTINGS: Readonly<Record<string, readonly string[]>> = {
  consolidate: ['JOB_SYMBOLS', 'MODE', 'MAX_WORKERS', 'RETENTION_DAYS', 'MAX_FAILED_PERCENT'],
  resample: ['RESAMPLING_INTERVALS', 'MODE', 'MEMORY_LIMIT_MB'],
};
const OPTIONS: Readonly<Record<string, string>> = {
  MODE: '--mode',
  RESAMPLING_INTERVALS: '--intervals',
  JOB_SYMBOLS: '--symbols',
};

/** Runs one lane or job by its name through the nightly machine, with its row in sync_logs. */
export async function runTask(task: string, options: RunTaskOptions, context: Context): Promise<number> {
  if (task === 'maintenance') {
    requireNoOptions(options);
    return maintain(context);
  }
  const tasks = [...Object.keys(DATASET_OF_TASK), ...Object.keys(JOB_SETTINGS)];
  if (!tasks.includes(task)) {
    throw new NamedError('Usage.Invalid', {
      what: `there is no task ${task}`,
      wanted: `one of ${[...tasks, 'maintenance'].join(', ')}`,
      todo: didYouMean(task, [...tasks, 'maintenance']),
    });
  }
  const data = await readData(options.data);
  const session = data.session === undefined ? lastClosedSession(new Date()) : askedSession(data.session);
  const settings = { ...data.settings, ...settingsOf(options) };
  requireSettings(task, settings);
  const misbehave = misbehavioursIn(options);
  if (context.stage && misbehave.length > 0)
    throw localOnly('--misbehave', 'the practice market serves this computer only');
  if (misbehave.length > 0 && task in JOB_SETTINGS) {
    throw new NamedError('Usage.Invalid', {
      what: `${task} takes no --misbehave: it asks no vendor`,
      wanted: `one of ${Object.keys(DATASET_OF_TASK).join(', ')}`,
    });
  }
  return onPipeline(context, { misbehave }, async (pipeline) => {
    requireOwnMarket(misbehave, pipeline);
    if (!context.stage && !(task in JOB_SETTINGS)) await requireKind(pipeline, context);
    if (settings.JOB_SYMBOLS !== undefined) await requireSymbols(settings.JOB_SYMBOLS, pipeline, context.terminal);
    const progress = showProgress(context.terminal, pipeline.timeScale);
    const input = { task, session, settings };
    const result = await pipeline.run(input, { name: `${task}-${session}`, ...progress, signal: context.signal });
    progress.end();
    const outcome = await outcomeOf(result, pipeline.stores, { session, kind: 'task' });
    noteUnmet(pipeline, context);
    printOutcome(outcome, pipeline.stores.lake, context.terminal);
    return exitCodeOf(outcome.status);
  });
}

/** @throws Usage.Invalid for an option that would be left alone */
function requireNoOptions({ data, mode, intervals, symbols, misbehave }: RunTaskOptions): void {
  const given = Object.entries({ data, mode, intervals, symbols, misbehave }).filter(
    ([, value]) => value !== undefined,
  );
  if (given.length === 0) return;
  throw new NamedError('Usage.Invalid', {
    what: `maintenance takes no ${given.map(([name]) => `--${name}`).join(', ')}`,
    wanted: 'its name alone',
  });
}

function settingsOf({ mode, intervals, symbols }: RunTaskOptions): Record<string, string> {
  const settings: Record<string, string> = {};
  if (mode !== undefined) settings.MODE = mode;
  if (intervals !== undefined) settings.RESAMPLING_INTERVALS = intervals;
  if (symbols !== undefined) settings.JOB_SYMBOLS = symbols;
  return settings;
}

/** @throws Usage.Invalid for a setting of another task, or a value it cannot have */
function requireSettings(task: string, settings: Readonly<Record<string, string>>): void {
  const known = JOB_SETTINGS[task] ?? [];
  const names = Object.keys(settings);
  for (const name of names.filter((one) => known.includes(one))) {
    const wanted = settingProblem(name, settings[name]!);
    if (wanted) throw new NamedError('Usage.Invalid', { what: `${OPTIONS[name] ?? name} ${settings[name]}`, wanted });
  }
  const unrecognised = names.find((name) => !known.includes(name));
  if (unrecognised === undefined) return;
  throw new NamedError('Usage.Invalid', {
    what: `${task} takes no ${OPTIONS[unrecognised] ?? unrecognised}`,
    wanted: known.map((name) => OPTIONS[name] ?? name).join(', ') || 'no setting; it is no job',
    todo: didYouMean(unrecognised, known),
  });
}

/** A name nobody knows would be merged without a word, as nothing is there to merge. */
async function requireSymbols(list: string, { stores }: Pipeline, terminal: Terminal): Promise<void> {
  const symbols = list.split(',').map((symbol) => symbol.trim());
  const { unknown, known } = await unknownSymbols(stores.lake, symbols);
  if (unknown.length === 0) return;
  const what = `no history and no session holds ${unknown.join(', ')}`;
  const todo = unknown.flatMap((symbol) => didYouMean(symbol, known) ?? []).join(' ') || undefined;
  if (unknown.length === symbols.length) throw new NamedError('Usage.Invalid', { what, todo });
  terminal.note([`note: ${what}`, todo].filter(Boolean).join('. '));
}

const input = z.strictObject({ session: z.string().optional(), settings: startInput.shape.settings });

/** `--data` is JSON itself, or the name of a file with it. */
async function readData(data: string | undefined): Promise<z.output<typeof input>> {
  try {
    const text = data === undefined || data.trimStart().startsWith('{') ? data : await readFile(data, 'utf8');
    return input.parse(JSON.parse(text ?? '{}'));
  } catch (cause) {
    const found = cause instanceof z.ZodError ? firstProblem(cause) : (cause as Error).message;
    const wanted = 'a JSON object or a file with one: {"session": "YYYY-MM-DD", "settings": {"MODE": "full"}}';
    throw new NamedError('Usage.Invalid', { what: '--data cannot be read', found, wanted }, { cause });
  }
}

/** Runs the monthly maintenance now: vacuum, then the warehouse's retention. */
export async function maintain(context: Context): Promise<number> {
  const { terminal, signal, config } = context;
  return onPipeline(context, {}, async (pipeline) => {
    const progress = showProgress(terminal, pipeline.timeScale);
    const result = await pipeline.run({}, { machine: 'maintenance', name: 'maintenance', ...progress, signal });
    progress.end();
    const seconds = (Date.parse(result.stoppedAt) - Date.parse(result.startedAt)) / 1000;
    const done = result.output as { sessions: number; deleted: number; savedToLake: number } | undefined;
    const status = result.status === 'SUCCEEDED' ? 'Succeeded' : 'Failed';
    const reasons = done ? [] : [causeText(result.cause ?? result.status)];
    if (terminal.json) terminal.print(JSON.stringify({ runId: result.runId, status, seconds, ...done, reasons }));
    else {
      terminal.print(['', `${statusWord(status, terminal)}: maintenance in ${duration(seconds)} (${result.runId})`]);
      for (const reason of reasons) terminal.print(`- ${reason}`);
      if (done) {
        terminal.print(
          `stock_prices: ${figure(done.deleted)} rows older than ${config.RETENTION_YEARS} years removed, ${figure(done.savedToLake)} of them saved to the lake first.`,
        );
      }
    }
    return status === 'Succeeded' ? 0 : 1;
  });
}
