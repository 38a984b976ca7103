import { BAR_SOURCES } from '../../records/bar.ts';
import type { BarColumns } from './bar-columns.ts';
import { BAR_NUMBERS, gatherBars, joinBars } from './gather.ts';
import { ORIGINAL } from './original.ts';
import { rowHash, type Tally } from './tally.ts';

/** What one symbol's history is made of; every source is sorted by date with one row a date. */
export interface MergeInput {
  symbol: string;
  /** The stored data.parquet. */
  existing: BarColumns | undefined;
  /** Its date files of the original layout. */
  dateFiles: BarColumns | undefined;
  /** Its rows in the session files. */
  sessions: BarColumns | undefined;
  /**
   * Days on which a session is known to have it no longer: the stored row goes, unless it came from the original
   * layout, whose file may have been cleaned up long ago.
   */
  removed: ReadonlySet<number>;
  /**
   * Days whose stored rows are checked for having a session behind them; undefined when only rows that are new to
   * the history are.
   */
  examined?: { from: number; to: number };
  /** Where rows that no session file accounts for are tallied by day. */
  outside: Tally;
}

export interface Merged {
  bars: BarColumns;
  added: number;
  revised: number;
  removed: number;
}

const [EXISTING, DATE_FILE, SESSION] = [0, 1, 2];
const AT_END = 2 ** 31;

/**
 * One row a date. The session file wins over every row of our own sources, whatever their `ingested_at`: it is replaced
 * as a whole, and a clock may have been ahead when the older version was fetched. Of rows from elsewhere the newest
 * `ingested_at` wins; on a tie the session file, then the date file. The result depends on the rows alone, so merging again changes nothing.
 */
export function mergeBars(input: MergeInput): Merged {
  const { existing, removed } = input;
  const appended = append(input);
  if (appended) return appended;
  const sources = [existing, input.dateFiles, input.sessions];
  const at = [0, 0, 0];
  const capacity = sources.reduce((sum, source) => sum + (source?.date.length ?? 0), 0);
  const from = new Uint8Array(capacity);
  const rows = new Int32Array(capacity);
  let count = 0;
  const changes = { added: 0, revised: 0, removed: 0 };
  const dayAt = (source: number) => sources[source]?.date[at[source]!] ?? AT_END;
  const isOver = (source: number, day: number, hasSession: boolean) => {
    if (source === SESSION) return false;
    if (hasSession) return isOurs(sources[source]!, at[source]!);
    return source === EXISTING && removed.has(day) && !isOriginal(existing!, at[EXISTING]!);
  };
  for (;;) {
    const days = [dayAt(EXISTING), dayAt(DATE_FILE), dayAt(SESSION)];
    const day = Math.min(...days);
    if (day === AT_END) break;
    const had = days[EXISTING] === day;
    let winner = -1;
    for (const source of [EXISTING, DATE_FILE, SESSION]) {
      if (days[source] !== day || isOver(source, day, days[SESSION] === day)) continue;
      if (winner < 0 || ingested(sources, at, source) >= ingested(sources, at, winner)) winner = source;
    }
    if (winner < 0) changes.removed++;
    else {
      from[count] = winner;
      rows[count] = at[winner]!;
      count++;
      if (!had) changes.added++;
      else if (winner !== EXISTING && differ(existing!, at[EXISTING]!, sources[winner]!, at[winner]!))
        changes.revised++;
      if (winner !== SESSION && isOutside(input, day, winner, days[SESSION] === day)) {
        input.outside.add(day, rowHash(input.symbol, sources[winner]!, at[winner]!));
      }
    }
    for (const source of [EXISTING, DATE_FILE, SESSION]) if (days[source] === day) at[source]!++;
  }
  const bars = gatherBars(input.symbol, sources, from.subarray(0, count), rows.subarray(0, count));
  return { bars, ...changes };
}

/** The usual night: the session files go on where the history ends. */
function append({ symbol, existing, dateFiles, sessions, removed, examined }: MergeInput): Merged | undefined {
  if (!existing || !sessions || dateFiles || removed.size > 0 || examined) return undefined;
  const [had, added] = [existing.date.length, sessions.date.length];
  if (had === 0 || added === 0 || sessions.date[0]! <= existing.date[had - 1]!) return undefined;
  return { bars: joinBars(symbol, existing, sessions), added, revised: 0, removed: 0 };
}

function isOurs({ source }: BarColumns, row: number): boolean {
  return (BAR_SOURCES as readonly string[]).includes(source.values[source.codes[row]!]!);
}

function isOriginal({ source }: BarColumns, row: number): boolean {
  return source.values[source.codes[row]!] === ORIGINAL;
}

function ingested(sources: (BarColumns | undefined)[], at: number[], source: number): bigint {
  return sources[source]!.ingested_at[at[source]!]!;
}

/** A stored row counts only when it is examined, or when it has just beaten a session's row. */
function isOutside({ examined }: MergeInput, day: number, winner: number, hasSession: boolean): boolean {
  if (winner === DATE_FILE || hasSession) return true;
  return examined !== undefined && day >= examined.from && day <= examined.to;
}

function differ(a: BarColumns, i: number, b: BarColumns, j: number): boolean {
  return (
    BAR_NUMBERS.some((name) => !Object.is(a[name][i], b[name][j])) ||
    a.ingested_at[i] !== b.ingested_at[j] ||
    a.source.values[a.source.codes[i]!] !== b.source.values[b.source.codes[j]!]
  );
}
