import { isNamed } from '../errors.ts';
import { decodeBars } from '../lake/bars.ts';
import { type Ingest, usableIngest } from '../lake/ingest.ts';
import { keys } from '../lake/keys.ts';
import type { Lake } from '../lake/lake.ts';
import { storedBars } from '../lake/session-file.ts';
import type { Bar } from '../records/bar.ts';
import { type Merged, mergeSession } from './merge-session.ts';
import type { ReleaseEffect } from './release-effect.ts';
import { readRejects } from './staged-rejects.ts';
import { readNote, type StagedNote } from './staging.ts';

/** A staged session beside the version that is served. */
export interface StagedSession {
  note: StagedNote;
  bars: Bar[];
  /** None where nothing, or a damaged file, is served. */
  served: Bar[];
  ingest: Ingest | undefined;
  /** What a publication would serve. */
  merged: Merged;
}

/** Undefined when the run has not completely staged the session. */
export async function readStaged(lake: Lake, runId: string, date: string): Promise<StagedSession | undefined> {
  const note = await readNote(lake, runId, date);
  if (!note) return undefined;
  const bytes = await lake.read(keys.staged(runId, date));
  const bars = bytes ? await decodeBars(bytes, keys.staged(runId, date)) : [];
  const isServed = (await lake.read(keys.ingest(date))) !== undefined;
  const served = isServed ? await readableBars(lake, date) : [];
  const { symbols } = await readRejects(lake, runId, date);
  const merged = mergeSession(served, bars, symbols);
  return { note, bars, served, ingest: await usableIngest(lake, date), merged };
}

/** None for a damaged version: the session that is staged is about to be put in its place. */
async function readableBars(lake: Lake, date: string): Promise<Bar[]> {
  return storedBars(lake, date).catch((error: Error) => {
    if (isNamed(error, 'Lake.Corrupt')) return [];
    throw error;
  });
}

/** What a publication of these staged sessions would do now; sessions that are staged no more count as none. */
export async function effectOf(lake: Lake, runId: string, dates: readonly string[]): Promise<ReleaseEffect> {
  const effect: ReleaseEffect = { sessions: 0, changed: 0, removed: 0 };
  for (const date of dates) {
    const staged = await readStaged(lake, runId, date);
    if (staged) addEffect(effect, staged.merged);
  }
  return effect;
}

export function addEffect(effect: ReleaseEffect, { changed, removed }: Merged): void {
  effect.sessions += 1;
  effect.changed += changed;
  effect.removed += removed.length;
}
