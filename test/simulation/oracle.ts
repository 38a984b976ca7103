import { createHash } from 'node:crypto';
import type { LakeReader } from './lake-reader.ts';
import { type Bar, barOf, difference, same, sameBar } from './oracle-bar.ts';
import { Companies } from './oracle-companies.ts';
import { checkHistories, checkWindows } from './oracle-histories.ts';
import { LISTS, type ListName, Lists, type ListVersion } from './oracle-lists.ts';
import { Requests } from './oracle-requests.ts';
import { checkPriceTables, checkWatermarks, ListTables } from './oracle-tables.ts';
import { closeOf, lastClosed, SESSIONS } from './sessions.ts';
import type { Stores } from './stores.ts';

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

const EXIT_CODES: Record<string, number> = { Succeeded: 0, Skipped: 0, Partial: 3, Held: 4, Failed: 1 };

interface Report {
  runId: string;
  status: string;
  datasets: { name: string; task: string; status: string }[];
}

/** What is known of a step that has ended. */
export interface Ended {
  kind: string;
  runId: string;
  /** The settings it ran with. */
  settings: Readonly<Record<string, string>>;
  /** Of the night's verdict; undefined when it has none. */
  status: string | undefined;
  session: string | undefined;
  exitCode: number | undefined;
  notifications: number;
  /** Whether something went wrong by our doing. */
  disturbed: boolean;
  /** How the market misbehaved; undefined when other things went wrong, too. */
  misbehave: readonly string[] | undefined;
  /** The task that was run by itself. */
  task: string | undefined;
  /** What was stored before was whole. */
  wholeBefore: boolean;
  /** It ran with a calendar that lacks a closure. */
  oldCalendar: boolean;
  /** A person published what the gates had refused. */
  released: boolean;
}

/** A little less than the day within which a dead run's rows are taken up: they count from the run's beginning. */
const TAKEN_UP_MS = 20 * 3_600_000;

/**
 * A plain model of what may be served, from what the vendors have said on the wire. It shares no code with the product,
 * so that both cannot be wrong in the same way.
 */
export class Oracle {
  readonly #lake: LakeReader;
  readonly #answers = new Map<string, Answer[]>();
  readonly #served = new Map<string, Served>();
  readonly #stores: Pick<Stores, 'tables' | 'sql'>;
  readonly #lists = new Lists();
  readonly #tables: ListTables;
  readonly #requests = new Requests();
  readonly #companies = new Companies(this.#lists);
  /** Of each list the place of the version that is stored. */
  readonly #stored = new Map<ListName, number>();
  /** Answers and versions there were when the step began. */
  #begun: { answers: Map<string, number>; versions: Map<ListName, number>; at: number };

  constructor(lake: LakeReader, stores: Pick<Stores, 'tables' | 'sql'>) {
    this.#lake = lake;
    this.#stores = stores;
    this.#tables = new ListTables(lake, stores);
    this.#begun = { answers: new Map(), versions: new Map(), at: 0 };
  }

  /** A step begins. @param at epoch ms */
  begin(at: number): void {
    const answers = new Map([...this.#answers].map(([date, all]) => [date, all.length]));
    const versions = new Map(LISTS.map((list) => [list, this.#lists.versions[list].length]));
    this.#begun = { answers, versions, at };
    this.#requests.begin();
  }

  /** The product asks a vendor. @param at milliseconds of the time that no clock's change touches */
  ask(url: string, at: number): void {
    this.#requests.ask(url, at);
  }

  /** A whole answer of the vendor has reached the product. */
  hear(path: string, status: number, body: string, at: number): void {
    this.#lists.hear(path, status, body, at);
    this.#requests.hear(path, status, body);
    this.#companies.hear(path, status, body);
    const date = /\/v2\/aggs\/grouped\/locale\/us\/market\/stocks\/([0-9-]+)/.exec(path)?.[1];
    if (!date || status !== 200) return;
    const json = parsed(body) as { results?: Record<string, unknown>[]; resultsCount?: number } | undefined;
    if (!json?.results && json?.resultsCount !== 0) return;
    const answer = readAnswer(json.results ?? [], date, at);
    this.#answers.set(date, [...(this.#answers.get(date) ?? []), answer]);
  }

  /** What is wrong after a step; nothing when all is as it may be. */
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
    for (const list of LISTS) problems.push(...(await this.#checkList(list, ended)));
    problems.push(...this.#checkWord(ended));
    problems.push(...(await this.#checkLedger(ended)));
    // The file of a session is there before its rows, and its manifest after them.
    const newest = this.#lake.keys('bronze/sessions/date=').at(-1);
    problems.push(...(await checkWatermarks(this.#stores, /date=([0-9-]+)/.exec(newest ?? '')?.[1])));
    const { POLYGON_CALLS_PER_MINUTE: pace, RESAMPLING_INTERVALS: intervals = '' } = ended.settings;
    if (!ended.disturbed) problems.push(...this.#requests.checkPace(Number(pace)));
    if (!ended.disturbed && ended.kind === 'night') problems.push(...this.#requests.checkRepeats());
    problems.push(...this.#checkDrift(ended), ...this.#checkBackfill(ended));
    const isGood = ended.status === 'Succeeded' && /night|repeat/.test(ended.kind);
    for (const list of ['tickers', 'assets'] as const)
      problems.push(...(await this.#tables.checkHistory(list, !ended.disturbed, isGood)));
    const served = new Map([...this.#served].map(([date, { bars }]) => [date, bars]));
    const windows = () => checkWindows(this.#lake, served, intervals.split(',').map(Number));
    // A new list of splits is as good a reason for new bars as a new session.
    const isSplitsAlone = ended.task === 'sync-splits' && ended.status === 'Succeeded' && !ended.disturbed;
    if (isSplitsAlone && ended.wholeBefore && !ended.oldCalendar) problems.push(...(await windows()));
    if (!isGood) return problems;
    problems.push(...(await checkHistories(this.#lake, served)));
    if (!ended.oldCalendar) problems.push(...(await windows()));
    problems.push(...(await checkPriceTables(this.#stores, served)));
    for (const list of ['tickers', 'assets'] as const) problems.push(...(await this.#tables.checkItems(list)));
    for (const check of ['checkSplits', 'checkDividends', 'checkMembers'] as const)
      problems.push(...(await this.#tables[check]()));
    const isListStored = this.#stored.get('tickers') === this.#lists.versions.tickers.length - 1;
    problems.push(...(await this.#companies.check(this.#stores, isListStored)));
    return problems;
  }

  /** What is stored of a list is a version the vendor said, and none older than before. */
  async #checkList(list: ListName, { disturbed, released }: Ended): Promise<string[]> {
    const { place, wrong } = await this.#lists.stored(this.#lake, list, disturbed);
    const before = this.#stored.get(list) ?? -1;
    if (place >= 0) this.#stored.set(list, place);
    if (wrong !== undefined && place < 0) return [`the list of ${list} is none that the vendor said: ${wrong}`];
    // Its quarantine is written after it: a run that was killed between them has not got there.
    if (wrong !== undefined && !disturbed) return [`the list of ${list}: ${wrong}`];
    if (place < before) return [`the list of ${list} is an older one than before`];
    return released ? [] : this.#lists.checkLoss(list, before, place);
  }

  /** The ledger and the report of a run say what its end said; a list is as its rows are. */
  async #checkLedger({ kind, runId, status, session, disturbed }: Ended): Promise<string[]> {
    if (disturbed || !status || status === 'Skipped') return [];
    const { rows: nights } = await this.#stores.sql.query(
      'SELECT status, session::text FROM nights WHERE run_id = $1',
      [runId],
    );
    const [word, date] = nights[0] ?? [];
    if (word !== status) return [`the ledger says ${word} of ${runId}, which ended ${status}`];
    const folder = `reports/date=${session ?? date}/`;
    const reports = [`${folder}night.json`, `${folder}run=${runId}.json`].map((key) => this.#lake.json<Report>(key));
    const report = reports.find((one) => one?.runId === runId);
    if (report?.status !== status) return [`the report of ${runId} says ${report?.status}, it ended ${status}`];
    const { rows: logs } = await this.#stores.sql.query(
      "SELECT task_name, status FROM sync_logs WHERE metadata ->> 'run_id' = $1 ORDER BY 1",
      [runId],
    );
    const told = report.datasets
      .map(({ task, status: end }) => `${task} ${end}`)
      .sort()
      .join(', ');
    const logged = logs
      .map(([task, end]) => `${task} ${end}`)
      .sort()
      .join(', ');
    const problems = told === logged ? [] : [`the report of ${runId} says ${told}, the ledger ${logged}`];
    if (kind !== 'night') return problems;
    for (const list of LISTS) {
      const count = this.#lists.versions[list].length;
      const hasCome = count > (this.#begun.versions.get(list) ?? 0);
      const wanted = this.#stored.get(list) === count - 1 ? 'success' : 'held';
      const end = report.datasets.find(({ name }) => name === list)?.status;
      if (hasCome && end !== wanted) problems.push(`the report says ${end} of ${list}, ${wanted} is right`);
    }
    return problems;
  }

  /** The word, and who was told. */
  #checkWord({ kind, status, session, exitCode, notifications, disturbed, misbehave }: Ended): string[] {
    if (status === undefined) return [];
    const problems: string[] = [];
    if (exitCode !== EXIT_CODES[status]) problems.push(`${status}, and the exit code ${exitCode}`);
    const isWell = status === 'Succeeded' || status === 'Skipped';
    if (isWell && notifications > 0 && !disturbed) problems.push(`${status}, and somebody was notified`);
    if (status === 'Held' || status === 'Failed')
      if (notifications === 0) problems.push(`${status}, and nobody was notified`);
    const last = session === undefined ? undefined : this.#answers.get(session)?.at(-1);
    const isFresh = last !== undefined && last.at >= this.#begun.at;
    if (
      status === 'Succeeded' &&
      kind === 'night' &&
      isFresh &&
      (isBad(last, new Map()) || this.#isShort(session!, last))
    )
      problems.push(`Succeeded, and its session was bad (${last.rows} rows, ${last.rejected} refused)`);
    // Half an answer is withheld as if the market had lost the other half.
    const isClear = !disturbed || misbehave?.every((rule) => rule.startsWith('half-missing@grouped'));
    if (kind !== 'night' || !isClear) return problems;
    const own = session ?? lastClosed(this.#begun.at);
    const served = this.#served.get(own);
    if (isWell && !served) problems.push(`${status}, and its session ${own} is not served`);
    const { own: ownBad, reasons } = this.#findReasons(own);
    const wanted = ownBad ?? (reasons.length > 0 ? 'Partial' : 'Succeeded');
    const because = reasons.length > 0 ? ` (${reasons.join('; ')})` : '';
    if (status !== wanted && !(status === 'Skipped' && wanted === 'Succeeded'))
      problems.push(`the night ended ${status}, ${wanted} is right${because}`);
    return problems;
  }

  /** Why an undisturbed night is not good: what came in it and is not served. */
  #findReasons(own: string): { own: 'Held' | 'Failed' | undefined; reasons: string[] } {
    const reasons: string[] = [];
    let ownBad: 'Held' | 'Failed' | undefined;
    for (const [date, answers] of this.#answers) {
      const fresh = answers.slice(this.#begun.answers.get(date) ?? 0);
      const last = fresh.at(-1);
      const served = this.#served.get(date);
      if (!last || (served && same(merged(served.bars, last), served.bars))) continue;
      reasons.push(last.rows === 0 ? `${date} is empty` : `${date} is withheld`);
      // A night waits for its session, and gives up in the end.
      if (date === own) ownBad = last.rows === 0 ? 'Failed' : 'Held';
    }
    for (const list of LISTS) {
      const count = this.#lists.versions[list].length;
      if (count > (this.#begun.versions.get(list) ?? 0) && this.#stored.get(list) !== count - 1)
        reasons.push(`the list of ${list} is withheld`);
    }
    return { own: ownBad, reasons };
  }

  /** A list that lacks one field everywhere, and is the same else, is served: the vendor has changed its schema. */
  #checkDrift({ kind, misbehave }: Ended): string[] {
    if (kind !== 'night' || !misbehave?.length || !misbehave.every((rule) => rule.startsWith('field-removed')))
      return [];
    return (['tickers', 'assets'] as const)
      .filter((list) => {
        const versions = this.#lists.versions[list];
        const [newest, stored] = [versions.at(-1), versions[this.#stored.get(list) ?? -1]];
        if (versions.length === (this.#begun.versions.get(list) ?? 0) || !newest || !stored) return false;
        return newest !== stored && isSameButForFields(stored.rows, newest.rows);
      })
      .map((list) => `the list of ${list} is withheld, and nothing but a field is gone`);
  }

  /** Sessions that are as large as their neighbours are served, however small they are beside today's. */
  #checkBackfill({ kind, disturbed }: Ended): string[] {
    if (kind !== 'backfill' || disturbed) return [];
    const fresh = [...this.#answers].flatMap(([date, answers]) => {
      const last = answers.slice(this.#begun.answers.get(date) ?? 0).at(-1);
      return last ? [{ date, last }] : [];
    });
    fresh.sort((a, b) => (a.date < b.date ? -1 : 1));
    const sizes = fresh.map(({ last }) => last.bars.size);
    const [least, most] = [Math.min(...sizes), Math.max(...sizes)];
    if (fresh.length < 3 || least < 10 || least < most * 0.95 || fresh.some(({ last }) => last.rejected > 0)) return [];
    // A split that nobody told of looks like a jump, and is a reason of its own.
    if (fresh.some(({ last }, place) => place > 0 && jumps(fresh[place - 1]!.last.bars, last.bars))) return [];
    return fresh
      .filter(({ date }) => !this.#served.has(date))
      .map(({ date, last }) => `${date} is withheld, and has as many rows as the sessions beside it (${last.rows})`);
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
      problems.push(
        `${date}: what is served is no version of what the vendor said (${difference(before.bars, bars, sameBar)})`,
      );
    } else {
      const used = found < 0 ? undefined : fresh[found];
      if (used && !released && (isBad(used, before.bars) || this.#isShort(date, used)))
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

  /** Symbols of the session before that are not in an answer: more than any day loses. */
  #isShort(date: string, { bars, refused }: Answer): boolean {
    const before = this.#served.get(SESSIONS[SESSIONS.indexOf(date) - 1]!)?.bars ?? new Map<string, Bar>();
    const gone = [...before.keys()].filter((symbol) => !bars.has(symbol) && !refused.has(symbol)).length;
    return before.size >= 20 && gone > before.size * 0.25;
  }

  /** A good answer that came in a good night is served. */
  #checkNewest(date: string, bars: Map<string, Bar>, before: Map<string, Bar>, fresh: readonly Answer[]): string[] {
    const last = fresh.at(-1);
    // What a run that died had staged is taken up for a day after its beginning, then fetched again or left.
    if (!last || isBad(last, before) || last.at < this.#begun.at - TAKEN_UP_MS) return [];
    const wanted = merged(before, last);
    return same(wanted, bars)
      ? []
      : [`${date}: the newest answer is not served (${difference(wanted, bars, sameBar)})`];
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

function jumps(before: ReadonlyMap<string, Bar>, after: ReadonlyMap<string, Bar>): boolean {
  return [...after].some(([symbol, { c }]) => Math.abs(c / (before.get(symbol)?.c ?? c) - 1) > 0.3);
}

/** Nearly the same symbols, and the same values but for fields that the new rows have nowhere. */
function isSameButForFields(before: ListVersion['rows'], after: ListVersion['rows']): boolean {
  const names = new Set([...after.values()].flatMap((row) => Object.keys(row)));
  const gone = new Set([...names].filter((name) => [...after.values()].every((row) => (row[name] ?? null) === null)));
  const both = [...before.keys()].filter((key) => after.has(key));
  const isSame = (key: string) =>
    [...names].every((name) => gone.has(name) || (before.get(key)![name] ?? null) === (after.get(key)![name] ?? null));
  return both.length > 0 && both.length >= before.size - 1 && after.size <= before.size + 1 && both.every(isSame);
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
