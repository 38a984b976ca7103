import { publishedSessions } from '../lake/session-files.ts';
import { lostLines, repairLine, repairsOf, withheldLines } from '../report/next-steps.ts';
import type { Stores } from '../stores.ts';
import {
  atStage,
  counted,
  duration,
  exchangeTime,
  executionLink,
  list,
  oneLine,
  placeIn,
  short,
  wellFormed,
} from '../text.ts';
import type { Night } from './night.ts';
import type { DatasetOutcome, Verdict } from './verdict.ts';
import { withheldKey } from './withheld.ts';

/** What SNS carries to a person, or a laptop to its terminal. */
export interface Notice {
  /** Somebody has to look. */
  notify: boolean;
  /** 100 ASCII characters at most. */
  subject: string;
  message: string;
  /** The message for a terminal that also shows the verdict: of what that has in full, the first reason and the first command. */
  brief: string;
}

/** What a reader is served although the run did not end well. */
export interface Served {
  /** Sessions held, and the newest of them. */
  sessions: number;
  newest: string | null;
  /** Dataset → when its list was complete last, ISO. */
  complete: Readonly<Record<string, string>>;
}

export interface NoticeFacts {
  night: Pick<Night, 'runId' | 'session' | 'kind' | 'openedAt' | 'executionArn'>;
  verdict: Pick<Verdict, 'status' | 'reasons' | 'datasets' | 'sessions' | 'releasing'>;
  /** Older sessions found bad that nobody was notified of before. */
  fresh: readonly string[];
  served: Served;
  /** Where the page lies, for a person. */
  page: string;
  stage: string;
  closedAt: string;
}

const REASONS = 20;

/**
 * Pure: what failed, since when, what is still served, the true error, where to look, the command that repairs it; in
 * this order. A partial night is notified when a whole dataset failed or is held, or an older session was found bad
 * for the first time.
 */
export function noticeOf({ night, verdict, fresh, served, page, stage, closedAt }: NoticeFacts): Notice {
  const { runId, session, kind } = night;
  const { status, reasons, datasets } = verdict;
  const bad = datasets.filter((set) => set.status !== 'success' && set.status !== 'skipped');
  const isHeld = status === 'Held' || bad.some((set) => set.status === 'held');
  const done = datasets.filter((set) => set.status === 'success').map(({ name }) => name);
  const what = kind === 'task' ? 'run' : kind;
  const why = reasons.slice(0, REASONS).map(({ text }, place) => (place === 0 ? text : `- ${text}`));
  const label = isHeld || verdict.sessions.held.length > 0 ? 'Why' : 'Error';
  const { release, rest } = commands(night, verdict, bad, atStage(stage));
  const lines: NoticeLine[] = [
    shown(
      `${status}: ${bad.map((set) => badText(set, status)).join(', ') || 'the run itself'} (${what} ${runId} for session ${session}).`,
    ),
    shown(
      `Since ${exchangeTime(night.openedAt)}; it ended after ${duration((Date.parse(closedAt) - Date.parse(night.openedAt)) / 1000)}.`,
    ),
    shown(`Published data is unchanged: ${servedText(served, bad)}.`),
    shown(done.length > 0 ? `Done all the same: ${done.join(', ')}.` : 'Nothing else was done.'),
    label === 'Why'
      ? shortened(`Why: ${why[0] ?? 'none was given'}`, briefWhy(why))
      : shown(`${label}: ${why[0] ?? 'none was given'}`),
    ...why.slice(1).map(below),
    ...lists(bad).map(({ name }) => shown(`What ${name} would change: ${withheldKey({ session, dataset: name })}`)),
    shown(`Report: ${page}`),
    ...(stage === 'local' ? [] : [shown(`Execution: ${executionLink(night.executionArn)}`)]),
    ...release.map((text, place) => (place === 0 ? shown(text) : below(text))),
    ...rest.map(shown),
  ];
  const notify = isHeld || status === 'Failed' || fresh.length > 0 || bad.some((set) => set.status === 'failed');
  return {
    notify,
    subject: subjectOf(`afterbell ${status}: session ${session}`),
    message: messageOf(lines.map(({ text }) => text)),
    brief: messageOf(lines.flatMap(({ brief }) => brief ?? [])),
  };
}

interface NoticeLine {
  text: string;
  /** What a terminal shows of it; nothing where the verdict of the same run has it below. */
  brief?: string;
}

function shown(text: string): NoticeLine {
  return { text, brief: text };
}

function shortened(text: string, brief: string): NoticeLine {
  return { text, brief };
}

function below(text: string): NoticeLine {
  return { text };
}

/** The first reason, and that there are more. */
function briefWhy([first = 'none was given', ...more]: readonly string[]): string {
  return `Why: ${short(first)}${more.length === 0 ? '' : ` (and ${counted(more.length, 'more reason')} below)`}`;
}

function messageOf(lines: readonly string[]): string {
  return lines.map(oneLine).join('\n');
}

/** SNS takes 100 printable ASCII characters and refuses the whole notice for any other. */
function subjectOf(text: string): string {
  return wellFormed(oneLine(text), 100).replace(/[^\x20-\x7e]/g, '?');
}

/** What was not well; the verdict before it says already how. */
function badText({ name, status }: DatasetOutcome, verdict: Verdict['status']): string {
  if (status === verdict.toLowerCase()) return name;
  return status === 'partial' ? `${name} in part` : `${name} ${status}`;
}

function lists(bad: readonly DatasetOutcome[]): DatasetOutcome[] {
  return bad.filter((set) => set.status === 'held' && set.name !== 'prices');
}

function servedText({ sessions, newest, complete }: Served, bad: readonly DatasetOutcome[]): string {
  const prices = newest === null ? 'no session yet' : `${counted(sessions, 'session')}, through ${newest}`;
  const others = bad.flatMap(({ name }) => {
    const at = complete[name];
    return at === undefined ? [] : [`${name} of ${exchangeTime(at)}`];
  });
  return list([prices, ...others]);
}

function commands(
  { runId, kind, session }: NoticeFacts['night'],
  { status, reasons, sessions, releasing }: NoticeFacts['verdict'],
  bad: readonly DatasetOutcome[],
  there: string,
): { release: string[]; rest: string[] } {
  const tasks = lists(bad).map(({ task }) => task);
  const facts = { runId, kind, session, sessions: sessions.held, tasks, releasing };
  const release = sessions.held.length + tasks.length > 0 ? withheldLines(facts, there) : [];
  const repairs = status === 'Failed' ? [] : repairsOf(bad, sessions, there);
  if (release.length > 0 && status !== 'Failed' && repairs.length === 0) return { release, rest: [] };
  return { release, rest: [repairLine({ kind, session, reasons }, repairs, there)] };
}

/** What the lake and the records of complete syncs say is served. */
export async function readServed(
  datasets: readonly DatasetOutcome[],
  { lake, runs }: Pick<Stores, 'lake' | 'runs'>,
): Promise<Served> {
  const held = await publishedSessions(lake);
  const complete: Record<string, string> = {};
  for (const { name, status } of datasets) {
    if (status === 'success' || status === 'skipped') continue;
    const last = await runs.lastSync(name);
    if (last) complete[name] = last.lastSyncTimestamp;
  }
  return { sessions: held.length, newest: held.at(-1)?.date ?? null, complete };
}

/** The page that Render Report writes beside a report. */
export function pageOf(lake: Stores['lake'], reportKey: string): string {
  return placeIn(lake, reportKey.replace(/night\.json$/, 'index.html').replace(/\.json$/, '.html'));
}

/** An execution that ended without a word of its own: killed, stopped, timed out. */
export interface LostExecution {
  name: string;
  /** Step Functions' own word: ABORTED, TIMED_OUT, FAILED. People read `Interrupted`, whichever it was. */
  status: string;
  error: string;
  /** Said on a laptop only: on a stage the execution's page has it. */
  cause?: string;
  /** Of a night; known on a laptop only. */
  session?: string;
  /** When it began, as people read it; said on a laptop only. */
  began?: string;
  /** When it ended, or was found to have. */
  time: string;
  /** Where it can be looked at. */
  link: string;
  stage: string;
}

/** Of a cause so much is sent; SNS takes 256 KB, and a cause of Step Functions has up to 32,768 characters. */
const CAUSE = 8_000;

/** Pure: the same words, in the same order, as the event rule `execution-lost` of a stage sends. */
export function lostNotice(lost: LostExecution): { subject: string; message: string } {
  const there = atStage(lost.stage);
  const message = [
    `Interrupted: execution ${lost.name} stopped without reporting a reason (${lost.status}).`,
    lost.began === undefined ? `Ended ${lost.time}.` : `Since ${lost.began}; it had ended by ${lost.time}.`,
    'What was published by then stays, and each part of it is whole.',
    `Error: ${lost.error}${lost.cause === undefined ? '' : `: ${wellFormed(lost.cause, CAUSE)}`}`,
    `Execution: ${lost.link}`,
    ...lostLines(there, lost.session),
  ]
    .map(oneLine)
    .join('\n');
  return { subject: subjectOf(`afterbell Interrupted: ${lost.name}`), message };
}
