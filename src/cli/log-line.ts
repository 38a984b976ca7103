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
