import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as pause } from 'node:timers/promises';
import { CloudWatchLogsClient } from '@aws-sdk/client-cloudwatch-logs';
import { HOUR_MS } from '../calendar/dates.ts';
import { logGroupOf, readStageLog } from '../deployed/log-events.ts';
import { NamedError } from '../errors.ts';
import { setAside } from '../local/rotate-logs.ts';
import { didYouMean, jsonOrUndefined } from '../text.ts';
import type { Context } from './context.ts';

export interface LogsOptions {
  follow?: boolean;
  run?: string;
}

const JOBS: Readonly<Record<string, string>> = { consolidator: 'consolidate', resampler: 'resample' };
const POLL_MS = { file: 300, stage: 2000 };
/** A log of a stage without --run is read this far back. */
const STAGE_HOURS = 24;

/** Each call gives the lines that came since the call before. */
type Source = () => AsyncIterable<LogLine>;

/**
 * Prints what a function or job logged, oldest first; with --follow also what it logs from now on, until interrupted
 * or until nobody reads any more.
 * Exits 1 when the run asked for has no line here.
 */
export async function logs(name: string, options: LogsOptions, context: Context): Promise<number> {
  const { config, program, terminal } = context;
  const signal = AbortSignal.any([context.signal, context.unread]);
  const known = [...Object.keys(program.functions), ...Object.keys(JOBS)];
  if (!known.includes(name)) {
    throw new NamedError('Usage.Invalid', {
      what: `nothing of the name ${name} logs`,
      wanted: known.sort().join(', '),
      todo: didYouMean(name, known),
    });
  }
  const { run } = options;
  const stage = context.stage?.stage;
  const more = stage === undefined ? fileSource(name, resolve(config.AFTERBELL_HOME)) : stageSource(name, stage);
  let printed = 0;
  const document: LogLine[] = [];
  const show = async () => {
    for await (const line of more()) {
      if (run !== undefined && !isOfRun(line, run)) continue;
      if (terminal.json && options.follow) terminal.print(JSON.stringify(line));
      else if (terminal.json) document.push(line);
      else if (isMetric(line)) continue;
      else terminal.print(lineText(line));
      printed += 1;
    }
  };
  await show();
  while (options.follow && !signal.aborted) {
    await pause(stage === undefined ? POLL_MS.file : POLL_MS.stage, undefined, { signal }).catch(() => undefined);
    if (!signal.aborted) await show();
  }
  if (options.follow) return 0;
  if (terminal.json) terminal.print(JSON.stringify(document));
  if (printed > 0) return 0;
  terminal.note(`${name} logged nothing${run === undefined ? '' : ` in run ${run}; npx afterbell status names runs`}.`);
  return run === undefined ? 0 : 1;
}

function stageSource(name: string, stage: string): Source {
  const client = new CloudWatchLogsClient({});
  const seen = new Set<string>();
  const where = logGroupOf(stage, name, name in JOBS);
  let since = Date.now() - STAGE_HOURS * HOUR_MS;
  return async function* () {
    for await (const { at, message, id } of readStageLog(client, { ...where, since })) {
      if (seen.has(id)) continue;
      seen.add(id);
      since = Math.max(since, Date.parse(at));
      yield { at, name, content: asRecord(message) };
    }
  };
}

function asRecord(text: string): LogLine['content'] {
  return text.startsWith('{') ? ((jsonOrUndefined(text) as Record<string, unknown> | undefined) ?? text) : text;
}

function fileSource(name: string, home: string): Source {
  const file = join(home, 'logs', name in JOBS ? 'jobs.jsonl' : 'functions.jsonl');
  const isAsked = (line: LogLine) => (name in JOBS ? line.name.startsWith(`${JOBS[name]}-`) : line.name === name);
  let position: number | undefined;
  return async function* () {
    const lines: LogLine[] = [];
    // First what was set aside, the oldest first.
    for (const old of position === undefined ? (await setAside(file)).reverse() : [])
      await readFrom(old.path, 0, (line) => void (isAsked(line) && lines.push(line)));
    position = await readFrom(file, position ?? 0, (line) => void (isAsked(line) && lines.push(line)));
    yield* lines;
  };
}

/** Reads whole lines from a byte position on; answers the position after the last whole one. */
async function readFrom(file: string, position: number, onLine: (line: LogLine) => void): Promise<number> {
  const size = await stat(file).then(
    (found) => found.size,
    () => 0,
  );
  // A log that became shorter was started over.
  let at = size < position ? 0 : position;
  if (size === at) return at;
  const lines = createInterface({ input: createReadStream(file, { start: at, end: size - 1 }), crlfDelay: Infinity });
  for await (const text of lines) {
    const bytes = Buffer.byteLength(text) + 1;
    if (at + bytes > size) break;
    at += bytes;
    const line = parsed(text);
    if (line) onLine(line);
  }
  return at;
}

function parsed(text: string): LogLine | undefined {
  try {
    const { at, name, record, text: plain } = JSON.parse(text);
    return { at, name, content: record ?? plain ?? '' };
  } catch {
    return undefined;
  }
}

/** One line of a function's or job's log, wherever it was kept. */
export interface LogLine {
  /** Instant, ISO 8601 UTC. */
  at: string;
  /** Function or job. */
  name: string;
  /** What was written, parsed when it was JSON. */
  content: string | Record<string, unknown>;
}

/** What the logger adds to every line and a reader knows already. */
const FRAME = new Set([
  'level',
  'message',
  'timestamp',
  'service',
  'sampling_rate',
  'cold_start',
  'runId',
  'error',
  'job',
]);

/** Pure: whether a line belongs to a run; a plain text line names none. */
export function isOfRun({ content }: LogLine, runId: string): boolean {
  return typeof content === 'object' && content.runId === runId;
}

/** Metrics in embedded metric format are for machines. */
export function isMetric({ content }: LogLine): boolean {
  return typeof content === 'object' && '_aws' in content;
}

/** Pure: a line for a person: time, name, what, and the rest as key=value. */
export function lineText({ at, name, content }: LogLine): string {
  const head = `${at.slice(11, 19)} ${name}`;
  if (typeof content === 'string') return `${head}  ${content}`;
  const { level, message, error } = content as {
    level?: string;
    message?: string;
    error?: { name?: string; message?: string };
  };
  const rest = Object.entries(content).filter(([key, value]) => !FRAME.has(key) && value !== undefined);
  const words = [
    level && level !== 'INFO' ? level : '',
    message ?? '',
    ...rest.map(([key, value]) => `${key}=${shown(value)}`),
    error ? `${error.name}: ${error.message}` : '',
  ];
  return `${head}  ${words.filter(Boolean).join(' ')}`;
}

function shown(value: unknown): string {
  if (typeof value === 'number') return String(Number(value.toFixed(2)));
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}
