import { dateOf, readDay } from '../../calendar/dates.ts';
import { inFlight } from '../../concurrency.ts';
import { type BarColumns, decodeBarColumns, pickBars, rowRef, tableOf } from '../../lake/bar-table.ts';
import { keys, type Lake } from '../../lake/lake.ts';
import { corruptFile } from '../../lake/parquet-columns.ts';
import { checksumOf } from '../../lake/session-files.ts';
import type { Batch, PlannedSession } from './consolidation-plan.ts';

/** Session files in memory, found by symbol. */
export interface ReadSessions {
  tables: BarColumns[];
  /** Symbol → rowRefs into the tables, in date order. */
  rows: Map<string, number[]>;
  /** Sessions whose file is not what its manifest says, with the error. */
  failed: Map<string, Error>;
}

/** Reads planned session files; a damaged one is reported and leaves the others usable. */
export async function readSessions(
  lake: Lake,
  sessions: readonly PlannedSession[],
  {
    workers,
    mine,
    signal,
  }: {
    workers: number;
    /** Whether a symbol's rows are wanted at all. */
    mine?: (symbol: string) => boolean;
    signal?: AbortSignal;
  },
): Promise<ReadSessions> {
  const tables: (BarColumns | undefined)[] = new Array(sessions.length).fill(undefined);
  const failed = new Map<string, Error>();
  const read = async (place: number) => {
    const session = sessions[place]!;
    try {
      tables[place] = await readSession(lake, session);
    } catch (error) {
      if ((error as Error).name !== 'Lake.Corrupt') throw error;
      failed.set(session.date, error as Error);
    }
  };
  await inFlight(sessions.keys(), workers, read, signal);
  const rows = new Map<string, number[]>();
  for (const [place, { only }] of sessions.entries()) {
    const { values = [], codes = [] } = tables[place]?.symbol ?? {};
    for (let row = 0; row < codes.length; row++) {
      const symbol = values[codes[row]!]!;
      if ((only && !only.has(symbol)) || (mine && !mine(symbol))) continue;
      const refs = rows.get(symbol);
      if (refs) refs.push(rowRef(place, row));
      else rows.set(symbol, [rowRef(place, row)]);
    }
  }
  return { tables: tables as BarColumns[], rows, failed };
}

async function readSession(lake: Lake, { date, checksum }: PlannedSession): Promise<BarColumns> {
  const key = keys.session(date);
  const bytes = await lake.read(key);
  if (!bytes) throw corruptFile(key, `nothing, although ${keys.ingest(date)} says it is published`);
  const found = checksumOf(bytes);
  if (found !== checksum) throw corruptFile(key, `sha256 ${found} where ${keys.ingest(date)} says ${checksum}`);
  const bars = await decodeBarColumns(bytes, key);
  if (bars.symbol.values.length !== bars.date.length) throw corruptFile(key, 'a symbol with two rows');
  const day = readDay(date);
  if (bars.date.some((other) => other !== day)) throw corruptFile(key, 'rows of another date');
  return bars;
}

/** What the sessions of a batch say about one symbol. */
export interface SymbolWork {
  symbol: string;
  /** Days on which a session has it no longer. */
  removed: Set<number>;
  /** Its rows in the session files; made when its turn comes, because all together are too many. */
  bars: () => BarColumns | undefined;
  /** The sessions that say it. */
  dates: () => string[];
}

/** Every symbol that a batch concerns, in order of name. */
export function symbolWork(batch: Batch, { tables, rows, failed }: ReadSessions): SymbolWork[] {
  const removed = new Map<string, Set<number>>();
  for (const { date, removed: gone } of batch.sessions) {
    if (failed.has(date)) continue;
    for (const symbol of gone) removed.set(symbol, (removed.get(symbol) ?? new Set()).add(readDay(date)!));
  }
  const { dateFiles, examined, visited } = batch;
  const symbols = new Set([...rows.keys(), ...removed.keys(), ...dateFiles.keys(), ...examined, ...visited]);
  return [...symbols].sort().map((symbol) => {
    const refs = rows.get(symbol);
    const days = removed.get(symbol) ?? new Set<number>();
    return {
      symbol,
      removed: days,
      bars: () => refs && pickBars(symbol, tables, refs),
      dates: () => [...(refs ?? []).map((ref) => batch.sessions[tableOf(ref)]!.date), ...[...days].map(dateOf)],
    };
  });
}
