import { nextSession, previousSession, sessionNumber } from '../calendar/calendar.ts';
import { judgeSession, SESSION_LIMITS, type SessionVerdict } from '../checks/session-quality.ts';
import { isNamed } from '../errors.ts';
import { keys, type Lake } from '../lake/lake.ts';
import { checksumOf, decodeBars, publishedSessions, usableIngest } from '../lake/session-files.ts';
import { type PriceSplit, readSplits } from '../lake/splits-list.ts';
import { dropStaged, readNote, stagedDates, writeNote } from '../lake/staging.ts';
import type { Bar } from '../records/bar.ts';
import { type ReleaseEffect, releaseText } from '../records/run.ts';
import { addEffect, effectOf, keptNote, readStaged, type StagedSession } from './publish-session.ts';

/** The row band looks at so many sessions before, and never at one further away. */
const BAND_SESSIONS = 20;
const SHOWN = 20;

export interface CheckedNight {
  /** Staged sessions that may be published, in order. */
  publish: string[];
  /** Staged sessions that stay staged. */
  held: string[];
  /** Sessions fetched again that are served with these very values; they leave staging here. */
  unchanged: string[];
  /** Why, at most 20. */
  holds: string[];
  /** The session of each of them; absent when nothing is held. */
  holdDates?: string[];
  notes: string[];
  /** What a release of the held sessions would do, or this release does; absent when none is held. */
  releasing?: ReleaseEffect;
}

/**
 * Judges every staged session of a run against what is held and against the staged ones before it. A session that
 * is held back is no baseline for the next ones. `released`: a person has looked, exactly these pass.
 */
export async function checkNight(
  runId: string,
  lake: Lake,
  released: readonly string[] | null = null,
): Promise<CheckedNight> {
  if (released) return release(runId, lake, released);
  const dates = await stagedDates(lake, runId);
  const { splits, notes } = await splitsOnFile(lake);
  const unchanged: string[] = [];
  const history = await History.read(lake, runId, dates);
  const verdicts: SessionVerdict[] = [];
  const releasing: ReleaseEffect = { sessions: 0, changed: 0, removed: 0 };
  for (const date of dates) {
    // What a publication would serve is what is judged: what readers would get.
    const staged = await readStaged(lake, runId, date);
    if (!staged) continue;
    const { bars, merged, note } = staged;
    if (await isServedSo(lake, date, staged)) {
      unchanged.push(date);
      const stayed = keptNote(date, merged.kept);
      if (stayed) notes.push(stayed);
      history.add(date, merged.bars);
      await dropStaged(lake, runId, date);
      continue;
    }
    const { beside, closes } = await neighbour(history, date);
    const verdict = judgeSession({
      date,
      bars,
      kept: new Set(merged.kept),
      rejected: note.rejected,
      earlierRows: await history.rowsBeside(date),
      beside,
      previous: closes,
      served: closesOf(staged.stored),
      splits,
    });
    verdicts.push(verdict);
    if (verdict.holds.length === 0) history.add(date, merged.bars);
    else {
      addEffect(releasing, merged);
      await writeNote(lake, runId, { ...note, over: staged.ingest?.checksum ?? null });
    }
  }
  const held = verdicts.filter(({ holds }) => holds.length > 0).map(({ date }) => date);
  const holds = verdicts.flatMap((one) => one.holds.map((text) => ({ date: one.date, text }))).slice(0, SHOWN);
  return {
    publish: dates.filter((date) => !held.includes(date) && !unchanged.includes(date)),
    held,
    unchanged,
    holds: holds.map(({ text }) => text),
    ...(holds.length > 0 && { holdDates: holds.map(({ date }) => date) }),
    notes: [...notes, ...verdicts.flatMap((verdict) => verdict.notes)].slice(0, SHOWN),
    ...(releasing.sessions > 0 && { releasing }),
  };
}

/** What it does to what is served is looked at now: much may have been published since the gates refused. */
async function release(runId: string, lake: Lake, released: readonly string[]): Promise<CheckedNight> {
  const releasing = await effectOf(lake, runId, released);
  const notes = ['released by hand: the gates were not asked', releaseText(releasing)];
  return { publish: [...released], held: [], unchanged: [], holds: [], notes, releasing };
}

/** Unusable splits are no reason not to look at prices; the resampler, which needs them, will stop for them. */
async function splitsOnFile(lake: Lake): Promise<{ splits?: Map<string, PriceSplit[]>; notes: string[] }> {
  try {
    const splits = await readSplits(lake);
    if (splits.length === 0) return { notes: [] };
    const bySymbol = new Map<string, PriceSplit[]>();
    for (const split of splits) bySymbol.set(split.symbol, [...(bySymbol.get(split.symbol) ?? []), split]);
    return { splits: bySymbol, notes: [] };
  } catch (error) {
    if (!isNamed(error as Error, 'Lake.Corrupt')) throw error;
    return { notes: [`jumps could not be held against splits: ${(error as Error).message}`] };
  }
}

/**
 * Whether a second look at a session found what is served and completely published. What a night is asked for by name
 * is published again all the same, as that fixes a warehouse that lost its rows.
 */
async function isServedSo(lake: Lake, date: string, { bars, note, merged, ingest }: StagedSession): Promise<boolean> {
  if (!note.again || bars.length === 0) return false;
  if (merged.new + merged.changed + merged.removed.length > 0) return false;
  if (ingest?.rejected !== note.rejected) return false;
  const bytes = await lake.read(keys.session(date));
  return bytes !== undefined && checksumOf(bytes) === ingest.checksum;
}

/** The session before, or where history grows backwards the one after. */
async function neighbour(
  history: History,
  date: string,
): Promise<{ beside: string; closes: ReadonlyMap<string, number> }> {
  const before = await history.closes(previousSession(date));
  if (before.size > 0) return { beside: previousSession(date), closes: before };
  return { beside: nextSession(date), closes: await history.closes(nextSession(date)) };
}

/** Row counts and closes of sessions held, and of those staged in this run that passed. */
class History {
  private readonly rows = new Map<string, number>();
  private latest: { date: string; closes: Map<string, number> } | undefined;

  private constructor(
    private readonly lake: Lake,
    private dates: string[],
    /** Rows by date of the sessions staged in this run. */
    private readonly staged: ReadonlyMap<string, number>,
  ) {}

  static async read(lake: Lake, runId: string, dates: readonly string[]): Promise<History> {
    const staged = new Map<string, number>();
    for (const date of dates) staged.set(date, (await readNote(lake, runId, date))?.rows ?? 0);
    const served = (await publishedSessions(lake)).map(({ date }) => date);
    return new History(lake, served, staged);
  }

  add(date: string, bars: readonly Bar[]): void {
    this.rows.set(date, bars.length);
    this.latest = { date, closes: closesOf(bars) };
    this.dates = [...new Set([...this.dates, date])].sort();
  }

  /**
   * Of the sessions before; where there are hardly any, of those after. A market grows: sessions further away say
   * nothing. At the beginning of a chunk only the staged ones after it are near: their median is sound before they
   * are judged themselves.
   */
  async rowsBeside(date: string): Promise<number[]> {
    const at = sessionNumber(date);
    const near = this.dates.filter((other) => Math.abs(sessionNumber(other) - at) <= BAND_SESSIONS);
    const earlier = near.filter((other) => other < date);
    if (earlier.length >= SESSION_LIMITS.bandNeeds) return this.rowsOf(earlier);
    const later = near.filter((other) => other > date);
    if (later.length >= SESSION_LIMITS.bandNeeds) return this.rowsOf(later);
    const staged = [...this.staged.keys()].filter((other) => other > date && !later.includes(other));
    const following = staged.filter((other) => sessionNumber(other) - at <= BAND_SESSIONS);
    const counts = following.map((other) => this.staged.get(other)!);
    return [...(await this.rowsOf([...earlier, ...later])), ...counts];
  }

  private async rowsOf(dates: readonly string[]): Promise<number[]> {
    const counts: number[] = [];
    for (const date of dates) {
      if (!this.rows.has(date)) this.rows.set(date, (await usableIngest(this.lake, date))?.rows ?? 0);
      counts.push(this.rows.get(date)!);
    }
    return counts;
  }

  /** Closes by symbol; empty when the session is not held. */
  async closes(date: string): Promise<ReadonlyMap<string, number>> {
    if (this.latest?.date === date) return this.latest.closes;
    if (!this.dates.includes(date)) return new Map();
    return closesOf((await readBars(this.lake, keys.session(date))) ?? []);
  }
}

function closesOf(bars: readonly Bar[]): Map<string, number> {
  return new Map(bars.map((bar) => [bar.symbol, bar.close]));
}

async function readBars(lake: Lake, key: string): Promise<Bar[] | undefined> {
  const bytes = await lake.read(key);
  return bytes && decodeBars(bytes, key);
}
