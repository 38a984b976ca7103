import { ERROR_NAMES, type ErrorName } from '../errors.ts';
import { short } from '../text.ts';

/** What a reason is about, as far as it is known: what programs read. Stored beside the text (docs/data-dictionary.md). */
export interface ReasonDetail {
  /** Dataset or job: `prices`, `tickers`, `consolidate`. */
  dataset?: string | undefined;
  session?: string | undefined;
  symbol?: string | undefined;
  /** Name of the error at the bottom of it, e.g. `Lake.Corrupt`. */
  error?: string | undefined;
}

/** Why a run, or a part of it, did not end as it should. `text` is for people; nothing is decided by it. */
export interface Reason extends ReasonDetail {
  text: string;
}

/** Reasons as they are stored: texts, and in the same order what each is about; absent in reports of earlier versions. */
export interface StoredReasons {
  reasons: string[];
  reasonDetails?: ReasonDetail[] | undefined;
}

/** Pure: the stored form. */
export function storedReasons(reasons: readonly Reason[]): StoredReasons {
  const details = reasons.map(({ text: _, ...detail }) => detail);
  return { reasons: reasons.map(({ text }) => text), ...(details.length > 0 && { reasonDetails: details }) };
}

/** Pure: the other way round. */
export function readReasons({ reasons, reasonDetails }: StoredReasons): Reason[] {
  return reasons.map((text, place) => {
    return reasonDetails ? { ...reasonDetails[place], text } : { ...inFirstWords(text), text };
  });
}

/** Reports of earlier versions name the error in front only: `prices: 2025-11-19: Lake.Corrupt: …`. */
function inFirstWords(text: string): ReasonDetail {
  const error = text.split(': ', 4).find((word) => (ERROR_NAMES as readonly string[]).includes(word));
  return error === undefined ? {} : { error };
}

export function hasError(reasons: readonly Pick<Reason, 'error'>[], name: ErrorName): boolean {
  return reasons.some(({ error }) => error === name);
}

/** Pure: a line a session; what comes after the first reason of one does not repeat its date. */
export function reasonLines(reasons: readonly Reason[]): string[] {
  const lines: string[] = [];
  let last: string | undefined;
  for (const { session, text } of reasons) {
    if (session === undefined || session !== last) lines.push(text);
    else lines.push(`${lines.pop()}; ${text.startsWith(`${session}: `) ? text.slice(session.length + 2) : text}`);
    last = session;
  }
  return lines.map((line) => short(line));
}

/** From so many sessions on that say the same but for their figures, one line stands for all. */
const ALIKE = 3;

/** What one session has to say. */
interface SessionReasons {
  session: string;
  /** What stands before the session: `prices: `. */
  front: string;
  texts: string[];
}

/**
 * Pure: reasons as a reader wants them, in full: a line a session, and one line for sessions that say the same but for
 * their figures, with the first of them as the example.
 */
export function groupedReasons(reasons: readonly Reason[]): string[] {
  const groups = new Map<string, SessionReasons[]>();
  for (const { session, front, texts } of bySession(reasons)) {
    const shape = session === '' ? `${texts[0]}` : `${front}\n${texts.join('; ').replace(/\d[\d.,:-]*/g, '#')}`;
    groups.set(shape, [...(groups.get(shape) ?? []), { session, front, texts }]);
  }
  return [...groups.values()].flatMap((alike) => (alike.length < ALIKE ? alike.map(lineOf) : [alikeLine(alike)]));
}

function bySession(reasons: readonly Reason[]): SessionReasons[] {
  const found: SessionReasons[] = [];
  for (const { session, text } of reasons) {
    const at = session === undefined ? -1 : text.indexOf(`${session}: `);
    if (session === undefined || at < 0) {
      found.push({ session: '', front: '', texts: [text] });
      continue;
    }
    const [front, rest] = [text.slice(0, at), text.slice(at + session.length + 2)];
    const same = found.find((one) => one.session === session && one.front === front);
    if (same) same.texts.push(rest);
    else found.push({ session, front, texts: [rest] });
  }
  return found;
}

function lineOf({ session, front, texts }: SessionReasons): string {
  return session === '' ? texts.join('; ') : `${front}${session}: ${texts.join('; ')}`;
}

function alikeLine(alike: readonly SessionReasons[]): string {
  const [first] = alike as [SessionReasons];
  if (first.session === '') return lineOf(first);
  const dates = alike.map(({ session }) => session).sort();
  return `${first.front}${alike.length} sessions from ${dates[0]} to ${dates.at(-1)} alike; ${first.session}: ${first.texts.join('; ')}`;
}
