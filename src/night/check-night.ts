import { nextSession, previousSession } from '../calendar/sessions.ts';
import { judgeSession, SESSION_LIMITS, type SessionVerdict } from '../checks/session-quality.ts';
import { isNamed } from '../errors.ts';
import { decodeBars } from '../lake/bars.ts';
import { heldSessions, usableIngest } from '../lake/ingest.ts';
import { keys } from '../lake/keys.ts';
import type { Lake } from '../lake/lake.ts';
import { checksumOf } from '../lake/session-file.ts';
import { readSplits, type Split } from '../lake/silver/splits.ts';
import type { Bar } from '../records/bar.ts';
import { keptNote, type Merged, mergeSession } from './merge-session.ts';
import type { ReleaseEffect } from './release-effect.ts';
import { readRejects } from './staged-rejects.ts';
import { dropStaged, readNote, type StagedNote, stagedDates } from './staging.ts';

/** The row band looks at so many sessions before. */
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
  notes: string[];
  /** What a release of the held sessions would do; absent when none is held. */
  releasing?: ReleaseEffect;
}

/**
 * Judges every staged session of a run against what is held and against the staged ones before it. A session that
 * is held back is no yardstick for the next ones. `released`: a person has looked, everything passes.
 */
export async function checkNight(runId: string, lake: Lake, released = false): Promise<CheckedNight> {
  const dates = await stagedDates(lake, runId);
  if (released) {
    const notes = ['released by hand: the gates were not asked'];
    return { publish: dates, held: [], unchanged: [], holds: [], notes };
  }
  const { splits, notes } = await splitsOnFile(lake);
  const unchanged: string[] = [];
  const history = await History.read(lake);
  const verdicts: SessionVerdict[] = [];
  const releasing: ReleaseEffect = { sessions: 0, changed: 0, removed: 0 };
  for (const date of dates) {
    const bars = (await readBars(lake, keys.staged(runId, date))) ?? [];
    const note = await readNote(lake, runId, date);
    const servedBars = await served(lake, date, history);
    // The very version a publication would serve: what is judged is what readers would get.
    const rejects = await readRejects(lake, runId, date);
    const merged = mergeSession(servedBars, bars, rejects.symbols);
    if (await isServedSo(lake, { date, bars, note, merged })) {
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
      rejected: note?.rejected ?? 0,
      earlierRows: await history.rowsBeside(date),
      beside,
      previous: closes,
      served: closesOf(servedBars),
      splits,
    });
    verdicts.push(verdict);
    if (verdict.holds.length === 0) history.add(date, merged.bars);
    else {
      releasing.sessions += 1;
      releasing.changed += merged.changed;
      releasing.removed += merged.removed.length;
    }
  }
  const held = verdicts.filter(({ holds }) => holds.length > 0).map(({ date }) => date);
  return {
    publish: dates.filter((date) => !held.includes(date) && !unchanged.includes(date)),
    held,
    unchanged,
    holds: verdicts.flatMap(({ holds }) => holds).slice(0, SHOWN),
    notes: [...notes, ...verdicts.flatMap((verdict) => verdict.notes)].slice(0, SHOWN),
    ...(releasing.sessions > 0 && { releasing }),
  };
}

/** Unusable splits are no reason not to look at prices; the resampler, which needs them, will stop for them. */
async function splitsOnFile(lake: Lake): Promise<{ splits?: Map<string, Split[]>; notes: string[] }> {
  try {
    const splits = await readSplits(lake);
    if (splits.length === 0) return { notes: [] };
    const bySymbol = new Map<string, Split[]>();
    for (const split of splits) bySymbol.set(split.symbol, [...(bySymbol.get(split.symbol) ?? []), split]);
    return { splits: bySymbol, notes: [] };
  } catch (error) {
    if (!isNamed(error as Error, 'Lake.Corrupt')) throw error;
    return { notes: [`jumps could not be held against splits: ${(error as Error).message}`] };
  }
}

/**
 * Whether a second look at a session found what is served and completely published. What a night is asked for by name
 * is published again all the same, as that mends a warehouse that lost its rows.
 */
async function isServedSo(
  lake: Lake,
  { date, bars, note, merged }: { date: string; bars: Bar[]; note: StagedNote | undefined; merged: Merged },
): Promise<boolean> {
  if (!note?.again || bars.length === 0) return false;
  if (merged.new + merged.changed + merged.removed.length > 0) return false;
  const ingest = await usableIngest(lake, date);
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

/** A damaged version is no yardstick: this very session is about to be put in its place. */
async function served(lake: Lake, date: string, history: History): Promise<Bar[]> {
  if (!history.holds(date)) return [];
  return readBars(lake, keys.session(date)).then(
    (bars) => bars ?? [],
    (error: Error) => {
      if (isNamed(error, 'Lake.Corrupt')) return [];
      throw error;
    },
  );
}

/** Row counts and closes of sessions held, and of those staged in this run that passed. */
class History {
  private readonly rows = new Map<string, number>();
  private latest: { date: string; closes: Map<string, number> } | undefined;

  private constructor(
    private readonly lake: Lake,
    private dates: string[],
  ) {}

  static async read(lake: Lake): Promise<History> {
    return new History(
      lake,
      (await heldSessions(lake)).map(({ date }) => date),
    );
  }

  add(date: string, bars: readonly Bar[]): void {
    this.rows.set(date, bars.length);
    this.latest = { date, closes: closesOf(bars) };
    this.dates = [...new Set([...this.dates, date])].sort();
  }

  holds(date: string): boolean {
    return this.dates.includes(date);
  }

  /** Of the sessions before; where there are hardly any, of those after. */
  async rowsBeside(date: string): Promise<number[]> {
    const earlier = this.dates.filter((held) => held < date).slice(-BAND_SESSIONS);
    const later = this.dates.filter((held) => held > date).slice(0, BAND_SESSIONS);
    const counts: number[] = [];
    for (const held of earlier.length < SESSION_LIMITS.bandNeeds ? later : earlier) {
      if (!this.rows.has(held)) this.rows.set(held, (await usableIngest(this.lake, held))?.rows ?? 0);
      counts.push(this.rows.get(held)!);
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
