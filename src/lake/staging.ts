import { NamedError } from '../errors.ts';
import { dateOfKey, jsonBytes, keys, type Lake, type LakeKind, listAll, readJson } from './lake.ts';
import { parseQuarantine } from './quarantine-file.ts';

/** Says that a session is completely staged; written after its rows and rejects. */
export interface StagedNote {
  date: string;
  rows: number;
  rejected: number;
  source: string;
  kind: LakeKind;
  runId: string;
  ingestedAt: string;
  /** The session was held already and fetched again for corrections. */
  again?: boolean;
  /** Checksum of the version served when a gate withheld this one; null when none was. */
  over?: string | null;
}

export async function writeNote(lake: Lake, runId: string, note: StagedNote): Promise<void> {
  await lake.write(keys.stagedNote(runId, note.date), jsonBytes(note));
}

export async function readNote(lake: Lake, runId: string, date: string): Promise<StagedNote | undefined> {
  return readJson<StagedNote>(lake, keys.stagedNote(runId, date));
}

/** The dates a run has completely staged, in order. */
export async function stagedDates(lake: Lake, runId: string): Promise<string[]> {
  const entries = await listAll(lake, keys.stagingOf(runId));
  return entries.filter(({ key }) => key.endsWith('.json')).map(({ key }) => dateOfKey(key) ?? '');
}

/** Every run with something in staging, and its keys. */
export async function stagingByRun(lake: Lake): Promise<Map<string, string[]>> {
  const byRun = new Map<string, string[]>();
  for await (const { key } of lake.list('staging/run=')) {
    const run = /^staging\/run=([^/]+)\//.exec(key)?.[1] ?? '';
    byRun.set(run, [...(byRun.get(run) ?? []), key]);
  }
  return byRun;
}

/** Copies one staged session to another run, its note last, so that a half copy does not count. */
export async function adoptStaged(lake: Lake, from: string, to: string, date: string): Promise<void> {
  for (const key of [keys.staged, keys.stagedRejects, keys.stagedNote]) {
    const bytes = await lake.read(key(from, date));
    if (bytes) await lake.write(key(to, date), bytes);
  }
}

/**
 * The note first and by itself: a session that still counts as staged has all its rows and rejects, since a missing
 * list of rejects would read as if nothing had been refused.
 */
export async function dropStaged(lake: Lake, runId: string, date: string): Promise<void> {
  await lake.remove([keys.stagedNote(runId, date)]);
  await lake.remove([keys.staged(runId, date), keys.stagedRejects(runId, date)]);
}

export interface StagedRejects {
  /** As they go to quarantine. */
  lines: string[];
  /** Without the rows whose symbol cannot be read. */
  symbols: ReadonlySet<string>;
}

/** The refused rows of a staged session. */
export async function readRejects(lake: Lake, runId: string, date: string): Promise<StagedRejects> {
  const bytes = await lake.read(keys.stagedRejects(runId, date));
  const lines = parseQuarantine(bytes);
  const symbols = lines.map(({ entry }, place) => {
    if (entry) return entry.symbol;
    throw new NamedError('Lake.Corrupt', { what: `line ${place + 1} of ${keys.stagedRejects(runId, date)} is torn` });
  });
  return { lines: lines.map(({ text }) => text), symbols: new Set(symbols.filter((symbol) => symbol !== '')) };
}
