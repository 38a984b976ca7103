import { readFileSync } from 'node:fs';
import { lastClosedSession } from '../calendar/sessions.ts';
import { NamedError } from '../errors.ts';
import { DATASET_OF_TASK } from '../night/reference-datasets.ts';
import type { Context } from './context.ts';
import { maintain } from './maintain.ts';
import { askedSession } from './night.ts';
import { exitCodeOf, outcomeOf, printOutcome } from './outcome.ts';
import { onPipeline } from './pipeline.ts';
import { showProgress } from './progress.ts';

export interface RunTaskOptions {
  data?: string;
  mode?: string;
  intervals?: string;
  symbols?: string;
}

const JOBS = ['consolidate', 'resample'];

/** Runs one lane or job by its name through the nightly machine, with its row in sync_logs. */
export async function runTask(task: string, options: RunTaskOptions, context: Context): Promise<number> {
  if (task === 'maintenance') return maintain(context);
  const tasks = [...Object.keys(DATASET_OF_TASK), ...JOBS];
  if (!tasks.includes(task)) {
    throw new NamedError('Usage.Invalid', {
      what: `there is no task ${task}`,
      wanted: `one of ${[...tasks, 'maintenance'].join(', ')}`,
    });
  }
  const data = readData(options.data);
  const session = data.session === undefined ? lastClosedSession(new Date()) : askedSession(String(data.session));
  const settings = jobSettings(task, options);
  return onPipeline(context, {}, async (pipeline) => {
    const progress = showProgress(context.terminal, pipeline.timeScale);
    const input = { ...data, task, session, settings: { ...(data.settings as object | undefined), ...settings } };
    const result = await pipeline.run(input, { name: `${task}-${session}`, ...progress, signal: context.signal });
    progress.end();
    const outcome = await outcomeOf(result, pipeline.stores, { session, kind: 'task' });
    printOutcome(outcome, pipeline.stores.lake, context.terminal);
    return exitCodeOf(outcome.status);
  });
}

function jobSettings(task: string, { mode, intervals, symbols }: RunTaskOptions): Record<string, string> {
  const settings: Record<string, string> = {};
  if (mode !== undefined) settings.MODE = oneOf('--mode', mode, ['full', 'incremental']);
  if (intervals !== undefined) settings.RESAMPLING_INTERVALS = intervalList(intervals);
  if (symbols !== undefined) settings.JOB_SYMBOLS = symbols;
  if (Object.keys(settings).length > 0 && !JOBS.includes(task)) {
    throw new NamedError('Usage.Invalid', {
      what: `${task} takes no --mode, --intervals or --symbols`,
      wanted: `these belong to ${JOBS.join(' and ')}`,
    });
  }
  return settings;
}

function intervalList(text: string): string {
  const intervals = text.split(',').map((part) => part.trim());
  if (intervals.every((part) => /^[1-9]\d{0,2}$/.test(part) && Number(part) >= 2)) return intervals.join(',');
  const wanted = 'whole numbers of sessions from 2 on, e.g. 3,5';
  throw new NamedError('Usage.Invalid', { what: `--intervals ${text} cannot be read`, wanted });
}

function oneOf(flag: string, value: string, known: readonly string[]): string {
  if (known.includes(value)) return value;
  throw new NamedError('Usage.Invalid', { what: `${flag} ${value} is unknown`, wanted: known.join(' or ') });
}

/** `--data` is JSON itself, or the name of a file with it. */
function readData(data: string | undefined): Record<string, unknown> {
  if (data === undefined) return {};
  try {
    return JSON.parse(data.trimStart().startsWith('{') ? data : readFileSync(data, 'utf8'));
  } catch (cause) {
    throw new NamedError(
      'Usage.Invalid',
      { what: '--data cannot be read', found: (cause as Error).message, wanted: 'a JSON object or a file with one' },
      { cause },
    );
  }
}
