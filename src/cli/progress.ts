import type { Notification } from '../local/aws/services.ts';
import type { ExecutionEvent } from '../local/states/events.ts';
import { duration, figure, oneLine } from '../text.ts';
import type { Terminal } from './terminal.ts';

/** States that only steer: not worth a line. */
const QUIET = new Set(['Choice', 'Pass', 'Succeed', 'Fail', 'Wait', 'Parallel']);

/**
 * Turns the events of an execution into lines: a state when it ends, its pages and retries while it runs. On a
 * terminal the running ones share one line that is overwritten; elsewhere every line stays.
 */
export function showProgress(
  terminal: Terminal,
  timeScale: number,
): { onEvent: (event: ExecutionEvent) => void; end: () => void } {
  if (terminal.json) return { onEvent: () => {}, end: () => {} };
  const begun = new Map<string, number>();
  let shown = '';
  const clear = () => {
    if (shown !== '') process.stderr.write('\r\u001b[K');
    shown = '';
  };
  const live = (text: string) => {
    if (!terminal.live) return;
    clear();
    shown = oneLine(text).slice(0, (process.stderr.columns ?? 80) - 1);
    process.stderr.write(shown);
  };
  const line = (text: string) => {
    clear();
    terminal.note(text);
  };
  const counters = new Map<string, { done: number; of: number }>();

  function onEvent(event: ExecutionEvent): void {
    const { type, state = '', path } = event;
    const key = [...path, state].join('/');
    if (type === 'StateEntered') {
      begun.set(key, Date.parse(event.at));
      if (!QUIET.has(event.stateType ?? '')) live(`  ${state} …`);
    } else if (type === 'MapStarted') counters.set(key, { done: 0, of: event.count ?? 0 });
    else if (type === 'MapIterationSucceeded') iteration(path);
    else if (type === 'TaskSucceeded') page(event);
    else if (type === 'TaskRetried') {
      line(
        `  ${state}: ${event.error}; again in ${duration((event.delaySeconds ?? 0) * timeScale)} (try ${(event.attempt ?? 0) + 1})`,
      );
    } else if (type === 'StateCaught') line(`  ${state}: ${event.error}`);
    else if (type === 'StateExited' && isStage(path) && !QUIET.has(event.stateType ?? '')) ended(event, key);
  }

  function iteration(path: readonly string[]): void {
    const map = path.slice(0, -1).join('/');
    const counter = counters.get(map);
    if (!counter) return;
    counter.done += 1;
    live(`  ${path.at(-2)}: ${counter.done} of ${counter.of}`);
  }

  function page({ output, state }: ExecutionEvent): void {
    const payload = (output as { Payload?: { dataset?: string; pages?: number; rows?: number; done?: boolean } })
      ?.Payload;
    if (state !== 'Sync Page' || !payload) return;
    const text = `  ${state}: ${payload.dataset} page ${payload.pages}, ${figure(payload.rows ?? 0)} rows so far`;
    if (payload.done) return;
    if (terminal.live) live(text);
    else line(text);
  }

  function ended({ state, at }: ExecutionEvent, key: string): void {
    const seconds = (Date.parse(at) - (begun.get(key) ?? Date.parse(at))) / 1000;
    const counter = counters.get(key);
    if (counter?.of === 0) return;
    const many = counter && counter.of > 1 ? `, ${counter.of} items` : '';
    line(`  ${state} (${duration(seconds)}${many})`);
  }

  return { onEvent, end: clear };
}

/** The machine's own states and those of the prices branch; not the steps within a Map. */
function isStage(path: readonly string[]): boolean {
  return path.length === 0 || (path.length === 2 && path[0] === 'Prices');
}

/** What Close Night gives for a terminal, by the message that is sent. */
export type Briefs = Map<string, string>;

/** Remembers the short form of a message that is about to be sent. */
export function keepBrief(briefs: Briefs, { type, output }: ExecutionEvent): void {
  if (type !== 'TaskSucceeded') return;
  const { message, brief } = (output as { Payload?: { message?: unknown; brief?: unknown } } | null)?.Payload ?? {};
  if (typeof message === 'string' && typeof brief === 'string') briefs.set(message, brief);
}

/** Pure: a notification as the terminal shows it that also shows the verdict; its file has every line. */
export function notifiedLines(
  { subject, message }: Pick<Notification, 'subject' | 'message'>,
  briefs: ReadonlyMap<string, string>,
): string[] {
  const lines = (briefs.get(message) ?? message).split('\n');
  return [`  notified: ${subject}`, ...lines.map((line) => `    ${line}`)];
}
