import { createHash } from 'node:crypto';
import type { LakeReader } from './lake-reader.ts';
import { closeOf } from './sessions.ts';

/** A bar as the vendor says it, in the vendor's letters. */
export interface Bar {
  o: number;
  h: number;
  l: number;
  c: number;
  v: number;
  vw: number | null;
  n: number | null;
}

/** One whole answer about a session. */
interface Answer {
  /** Epoch ms. */
  at: number;
  bars: Map<string, Bar>;
  /** Symbols of refused rows, and how many rows were refused. */
  refused: Set<string>;
  rejected: number;
  rows: number;
}

interface Served {
  bars: Map<string, Bar>;
  /** How many answers had come when this version was served. */
  answers: number;
}

interface Ingest {
  date: string;
  rows: number;
  rejected: number;
  checksum: string;
}

/** What is known of a step that has ended. */
export interface Ended {
  /** Of the night's verdict; undefined when it has none. */
  status: string | undefined;
  session: string | undefined;
  notifications: number;
  /** Whether something went wrong by our doing. */
  disturbed: boolean;
  /** A person published what the gates had refused. */
  released: boolean;
}

/**
 * A plain model of what may be served, from what the vendors have said on the wire. It shares no code with the product,
 * so that both cannot be wrong in the same way.
 */
export class Oracle {
  readonly #lake: LakeReader;
  readonly #answers = new Map<string, Answer[]>();
  readonly #served = new Map<string, Served>();

  constructor(lake: LakeReader) {
    this.#lake = lake;
  }

  /** A whole answer of the vendor has reached the product. */
  hear(path: string, status: number, body: string, at: number): void {
    const date = /\/v2\/aggs\/grouped\/locale\/us\/market\/stocks\/([0-9-]+)/.exec(path)?.[1];
    if (!date || status !== 200) return;
    const json = parsed(body) as { results?: Record<string, unknown>[]; resultsCount?: number } | undefined;
    if (!json?.results) return;
    const answer = readAnswer(json.results, date, at);
    this.#answers.set(date, [...(this.#answers.get(date) ?? []), answer]);
  }

  /** What is wrong with the lake after a step; nothing when it is as it may be. */
  async check(ended: Ended): Promise<string[]> {
    const problems: string[] = [];
    for (const key of this.#lake.keys('processing_metadata/ingest/')) {
      const date = /date=([0-9-]+)/.exec(key)![1]!;
      problems.push(...(await this.#checkSession(date, ended)));
    }
    for (const date of this.#served.keys()) {
      if (!this.#lake.bytes(`processing_metadata/ingest/date=${date}.json`))
        problems.push(`${date} was served and is lost`);
    }
    problems.push(...this.#checkWord(ended));
    return problems;
  }

  /** The word, and who was told. */
  #checkWord({ status, session, notifications, disturbed }: Ended): string[] {
    if (status === undefined || session === undefined) return [];
    const problems: string[] = [];
    if (status === 'Succeeded') {
      const served = this.#served.get(session);
      if (!served) problems.push(`Succeeded, and its session ${session} is not served`);
      if (notifications > 0 && !disturbed) problems.push('Succeeded, and somebody was notified');
    } else if (status !== 'Skipped' && notifications === 0) problems.push(`${status}, and nobody was notified`);
    return problems;
  }

  async #checkSession(date: string, { disturbed, released, status }: Ended): Promise<string[]> {
    const ingest = this.#lake.json<Ingest>(`processing_metadata/ingest/date=${date}.json`)!;
    const key = `bronze/sessions/date=${date}/bars.parquet`;
    const bytes = this.#lake.bytes(key);
    if (!bytes) return [`${date} has a manifest and no file`];
    const bars = new Map((await this.#lake.rows(key)).map((row) => [String(row.symbol), barOf(row)]));
    const problems: string[] = [];
    const isWhole = createHash('sha256').update(bytes).digest('hex') === ingest.checksum;
    if (!isWhole && !disturbed) problems.push(`${date}: the manifest names another file`);
    if (isWhole && ingest.rows !== bars.size)
      problems.push(`${date}: the manifest says ${ingest.rows} rows, the file has ${bars.size}`);
    const before = this.#served.get(date) ?? { bars: new Map<string, Bar>(), answers: 0 };
    const answers = this.#answers.get(date) ?? [];
    const fresh = answers.slice(before.answers);
    const found = versionOf(before.bars, bars, fresh);
    if (found === undefined) {
      problems.push(`${date}: what is served is no version of what the vendor said (${difference(before.bars, bars)})`);
    } else {
      const used = found < 0 ? undefined : fresh[found];
      if (used && !released && isBad(used, before.bars))
        problems.push(`${date}: a bad answer is served (${used.rows} rows, ${used.rejected} refused)`);
      if (isWhole && used && ingest.rejected !== used.rejected)
        problems.push(`${date}: ${used.rejected} rows were refused, the manifest says ${ingest.rejected}`);
      if (status === 'Succeeded' && !disturbed) problems.push(...this.#checkNewest(date, bars, before.bars, fresh));
    }
    if (isWhole && !disturbed) problems.push(...this.#checkQuarantine(date, ingest));
    this.#served.set(date, {
      bars,
      answers: found !== undefined && found >= 0 ? before.answers + found + 1 : before.answers,
    });
    return problems;
  }

  /** A good answer that came in a good night is served. */
  #checkNewest(date: string, bars: Map<string, Bar>, before: Map<string, Bar>, fresh: readonly Answer[]): string[] {
    const last = fresh.at(-1);
    if (!last || isBad(last, before)) return [];
    const wanted = merged(before, last);
    return same(wanted, bars) ? [] : [`${date}: the newest answer is not served (${difference(wanted, bars)})`];
  }

  #checkQuarantine(date: string, ingest: Ingest): string[] {
    const lines = (this.#lake.text(`quarantine/date=${date}.jsonl`) ?? '').split('\n').filter(Boolean);
    const prices = lines
      .map((line) => JSON.parse(line) as { dataset: string })
      .filter(({ dataset }) => dataset === 'prices');
    if (prices.length === ingest.rejected) return [];
    return [`${date}: ${ingest.rejected} rows were refused, ${prices.length} are in the quarantine`];
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function readAnswer(results: Record<string, unknown>[], date: string, at: number): Answer {
  const answer: Answer = { at, bars: new Map(), refused: new Set(), rejected: 0, rows: results.length };
  for (const row of results) {
    const symbol = typeof row.T === 'string' ? row.T : '';
    if (isGood(row, date) && !answer.bars.has(symbol)) answer.bars.set(symbol, barOf(row));
    else {
      answer.rejected += 1;
      if (symbol) answer.refused.add(symbol);
    }
  }
  for (const symbol of answer.bars.keys()) answer.refused.delete(symbol);
  return answer;
}

function isGood({ T, o, h, l, c, v, t }: Record<string, unknown>, date: string): boolean {
  if (typeof T !== 'string' || !/^[A-Za-z0-9.]{1,20}$/.test(T)) return false;
  const prices = [o, h, l, c];
  if (!prices.every((price) => typeof price === 'number' && Number.isFinite(price) && price > 0)) return false;
  const [open, high, low, close] = prices as [number, number, number, number];
  if (high < Math.max(open, close) || low > Math.min(open, close)) return false;
  if (typeof v !== 'number' || !(v >= 0)) return false;
  return t === undefined || t === closeOf(date);
}

function barOf(row: Record<string, unknown>): Bar {
  const [o, h, l, c, v] = [
    row.o ?? row.open,
    row.h ?? row.high,
    row.l ?? row.low,
    row.c ?? row.close,
    row.v ?? row.volume,
  ] as number[];
  const [vw, n] = [row.vw ?? row.vwap ?? null, row.n ?? row.transactions ?? null] as (number | null)[];
  return { o: o!, h: h!, l: l!, c: c!, v: v!, vw: vw!, n: n! };
}

/** A served bar whose new row was refused stays. */
function merged(before: ReadonlyMap<string, Bar>, { bars, refused }: Answer): Map<string, Bar> {
  const kept = [...before].filter(([symbol]) => refused.has(symbol) && !bars.has(symbol));
  return new Map([...bars, ...kept]);
}

/**
 * Which of the answers made `after` of `before`: its place, -1 when none did because nothing changed; undefined when
 * there is no such one. Several may have been served one after the other, never an earlier after a later one.
 */
function versionOf(
  before: ReadonlyMap<string, Bar>,
  after: ReadonlyMap<string, Bar>,
  answers: readonly Answer[],
): number | undefined {
  let reached: { bars: ReadonlyMap<string, Bar>; last: number }[] = [{ bars: before, last: -1 }];
  let found: number | undefined = same(before, after) && before.size > 0 ? -1 : undefined;
  answers.forEach((answer, place) => {
    const next = reached.map(({ bars }) => ({ bars: merged(bars, answer), last: place }));
    if (next.some(({ bars }) => same(bars, after))) found = place;
    reached = [...reached, ...next].slice(-64);
  });
  return found;
}

/** Clearly to be withheld, whatever the exact limits are. */
function isBad({ bars, rows, rejected }: Answer, before: ReadonlyMap<string, Bar>): boolean {
  if (bars.size === 0) return true;
  if (rows >= 20 && rejected > rows * 0.08) return true;
  const gone = [...before.keys()].filter((symbol) => !bars.has(symbol)).length;
  return before.size >= 20 && gone > before.size * 0.15;
}

function same(a: ReadonlyMap<string, Bar>, b: ReadonlyMap<string, Bar>): boolean {
  if (a.size !== b.size) return false;
  for (const [symbol, bar] of a) {
    const other = b.get(symbol);
    if (!other || !sameBar(bar, other)) return false;
  }
  return true;
}

function sameBar(a: Bar, b: Bar): boolean {
  return a.o === b.o && a.h === b.h && a.l === b.l && a.c === b.c && a.v === b.v && a.vw === b.vw && a.n === b.n;
}

function difference(a: ReadonlyMap<string, Bar>, b: ReadonlyMap<string, Bar>): string {
  const gone = [...a.keys()].filter((symbol) => !b.has(symbol));
  const come = [...b.keys()].filter((symbol) => !a.has(symbol));
  const other = [...a.keys()].filter((symbol) => b.has(symbol) && !sameBar(a.get(symbol)!, b.get(symbol)!));
  const named = (list: string[]) => `${list.length}${list.length > 0 ? ` (${list.slice(0, 3).join(', ')})` : ''}`;
  return `gone ${named(gone)}, come ${named(come)}, other ${named(other)}`;
}
