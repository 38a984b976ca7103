import type { Notification } from '../local/aws/services.ts';
import type { ExecutionEvent } from '../local/states/events.ts';
import { causeText } from '../night/close-input.ts';
import { counted, duration, oneLine, short } from '../text.ts';
import type { Terminal } from './terminal.ts';

/** States that only steer: not worth a line. */
const QUIET = new Set(['Choice', 'Pass', 'Succeed', 'Fail', 'Wait', 'Parallel']);

/** Its items are lanes of sessions. */
const STAGING = 'Stage Sessions';

/** Of the answers of Open Night, Sync Page and Stage Session what is shown. */
interface Payload {
  prices?: { sessions?: string[] };
  date?: string;
  dataset?: string;
  pages?: number;
  rows?: number;
  done?: boolean;
}

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
  let sessions = 0;

  function onEvent(event: ExecutionEvent): void {
    const { type, state = '', path } = event;
    const key = [...path, state].join('/');
    if (type === 'StateEntered') {
      begun.set(key, Date.parse(event.at));
      if (!QUIET.has(event.stateType ?? '')) live(`  ${state} …`);
    } else if (type === 'MapStarted') {
      counters.set(key, { done: 0, of: state === STAGING && sessions > 0 ? sessions : (event.count ?? 0) });
    } else if (type === 'MapIterationSucceeded') iteration(path);
    else if (type === 'TaskSucceeded') page(event);
    else if (type === 'WaitStarted') paced(event);
    else if (type === 'TaskRetried') line(retryText(event, timeScale));
    else if (type === 'StateCaught') line(`  ${state}: ${troubleText(event)}`);
    else if (type === 'StateExited' && isStage(path) && !QUIET.has(event.stateType ?? '')) ended(event, key);
  }

  function iteration(path: readonly string[]): void {
    const map = path.slice(0, -1).join('/');
    const counter = counters.get(map);
    if (!counter || path.at(-2) === STAGING) return;
    counter.done += 1;
    live(`  ${path.at(-2)}: ${counter.done} of ${counter.of}`);
  }

  /** A plan's calls per minute; where nothing else is heard for a while, somebody may wonder. */
  function paced({ state, seconds = 0 }: ExecutionEvent): void {
    const wait = seconds * timeScale;
    if (wait >= 1) live(`  ${state}: ${duration(wait)}, as the vendor's plan allows so many calls a minute`);
  }

  /** Lanes are not what somebody waits for: their sessions are. */
  function stagedOne(path: readonly string[], payload: { date?: string; rows?: number }): void {
    const counter = counters.get(path.slice(0, -1).join('/'));
    if (!counter) return;
    counter.done += 1;
    live(`  ${STAGING}: ${counter.done} of ${counter.of}, ${payload.date} with ${counted(payload.rows ?? 0, 'row')}`);
  }

  function page({ output, state, path }: ExecutionEvent): void {
    const payload = (output as { Payload?: Payload })?.Payload;
    if (state === 'Open Night') sessions = payload?.prices?.sessions?.length ?? 0;
    if (state === 'Stage Session' && payload) stagedOne(path, payload);
    if (state !== 'Sync Page' || !payload) return;
    const text = `  ${state}: ${payload.dataset} page ${payload.pages}, ${counted(payload.rows ?? 0, 'row')} so far`;
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

/** Pure: what is waited for, who was asked and why it was in vain. */
function retryText(event: ExecutionEvent, timeScale: number): string {
  const { state, attempt = 0, delaySeconds = 0 } = event;
  return `  ${state}: waits ${duration(delaySeconds * timeScale)}, then try ${attempt + 1}: ${troubleText(event)}`;
}

function troubleText({ error = '', cause = '' }: ExecutionEvent): string {
  const why = causeText(cause);
  return why === '' ? error : `${error}: ${short(why, 300)}`;
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
