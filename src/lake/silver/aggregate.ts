import { type DuckDBConnection, type DuckDBDataChunk, DuckDBDateValue, DuckDBInstance } from '@duckdb/node-api';
import { readDay } from '../../calendar/dates.ts';
import { NamedError } from '../../errors.ts';
import { stopIfAsked } from '../in-flight.ts';
import historyBars from './history-bars.sql';
import type { IntervalPlan, PlannedWindow } from './plan.ts';
import sessionBars from './session-bars.sql';
import { type SilverColumns, silverRoom } from './silver-columns.ts';
import slotsSql from './slots.sql';
import windowsSql from './windows.sql';

export interface AggregateInput {
  plans: readonly IntervalPlan[];
  /** Local paths. */
  sessionFiles: readonly string[];
  historyFiles: readonly string[];
  /** Dates whose bars are taken from the histories instead of the session files. */
  fromHistory: (date: string) => boolean;
  memoryLimitMb: number;
  threads: number;
  /** Folder for what does not fit into memory. */
  scratch: string;
  signal?: AbortSignal;
}

export interface MonthRows {
  interval: number;
  /** YYYY-MM */
  month: string;
  rows: SilverColumns;
}

/**
 * The planned windows' rows, month by month in order of interval and month, each ordered by symbol and date.
 * @throws Job.Failed with DuckDB's own words when it cannot read or compute; Job.Interrupted
 */
export async function* aggregate(input: AggregateInput): AsyncIterable<MonthRows> {
  const sources = [input.sessionFiles.length > 0 && sessionBars, input.historyFiles.length > 0 && historyBars];
  const bars = sources.filter(Boolean).join('\nUNION ALL\n');
  if (bars === '') return;
  const windows = new Map(input.plans.map(({ interval, windows }) => [interval, byDay(windows)]));
  const instance = await DuckDBInstance.create(':memory:', {
    threads: String(input.threads),
    memory_limit: `${input.memoryLimitMb}MB`,
    temp_directory: input.scratch,
    // Every file is read once; caching them would only take memory from the aggregation.
    enable_external_file_cache: 'false',
    preserve_insertion_order: 'false',
  });
  const connection = await instance.connect();
  // The query runs for seconds before its first row; a signal must not wait for it.
  const interrupt = () => connection.interrupt();
  input.signal?.addEventListener('abort', interrupt);
  try {
    await connection.run(`SET VARIABLE session_files = ${pathList(input.sessionFiles)}`);
    await connection.run(`SET VARIABLE history_files = ${pathList(input.historyFiles)}`);
    await fillSlots(connection, input);
    const result = await connection.stream(windowsSql.replace('/*bars*/', bars));
    let batch: Batch | undefined;
    for (;;) {
      const chunk = await result.fetchChunk();
      if (!chunk || chunk.rowCount === 0) break;
      for (const part of split(chunk)) {
        if (batch && (batch.interval !== part.interval || batch.month !== part.month)) {
          yield finish(batch, windows);
          batch = undefined;
        }
        batch ??= { interval: part.interval, month: part.month, parts: [] };
        batch.parts.push(part);
      }
    }
    if (batch) yield finish(batch, windows);
  } catch (error) {
    if (error instanceof NamedError) throw error;
    stopIfAsked(input.signal);
    throw new NamedError(
      'Job.Failed',
      {
        what: 'the bars could not be resampled',
        found: (error as Error).message,
        todo: 'A file named here is damaged: see `afterbell verify`. Out of memory: raise MEMORY_LIMIT_MB.',
      },
      { cause: error },
    );
  } finally {
    input.signal?.removeEventListener('abort', interrupt);
    connection.closeSync();
    instance.closeSync();
  }
}

async function fillSlots(connection: DuckDBConnection, { plans, fromHistory }: AggregateInput): Promise<void> {
  await connection.run(slotsSql);
  const appender = await connection.createAppender('slots');
  for (const { interval, windows } of plans) {
    for (const { first, dates } of windows.values()) {
      for (const date of dates) {
        appender.appendInteger(interval);
        appender.appendInteger(Number(first.slice(0, 4)) * 100 + Number(first.slice(5, 7)));
        appender.appendInteger(readDay(first)!);
        appender.appendDate(new DuckDBDateValue(readDay(date)!));
        appender.appendBoolean(fromHistory(date));
        appender.endRow();
      }
    }
  }
  appender.closeSync();
}

/** Rows of one interval and month within one chunk of the answer. */
interface Part {
  interval: number;
  month: number;
  chunk: DuckDBDataChunk;
  from: number;
  to: number;
}
interface Batch {
  interval: number;
  month: number;
  parts: Part[];
}

function* split(chunk: DuckDBDataChunk): Iterable<Part> {
  const intervals = items<Int32Array>(chunk, 0);
  const months = items<Int32Array>(chunk, 1);
  for (let from = 0; from < chunk.rowCount; ) {
    let to = from + 1;
    while (to < chunk.rowCount && intervals[to] === intervals[from] && months[to] === months[from]) to++;
    yield { interval: intervals[from]!, month: months[from]!, chunk, from, to };
    from = to;
  }
}

function finish({ interval, month, parts }: Batch, windows: Map<number, Map<number, PlannedWindow>>): MonthRows {
  const count = parts.reduce((sum, { from, to }) => sum + to - from, 0);
  const symbols: string[] = [];
  const rows = silverRoom(count, symbols);
  let at = 0;
  for (const { chunk, from, to } of parts) {
    const names = chunk.getColumnVector(2);
    rows.date.set(items<Int32Array>(chunk, 3).subarray(from, to), at);
    for (const [column, place] of [
      ['open', 4],
      ['high', 5],
      ['low', 6],
      ['close', 7],
      ['volume', 8],
    ] as const) {
      rows[column].set(items<Float64Array>(chunk, place).subarray(from, to), at);
    }
    rows.bars.set(items<Int32Array>(chunk, 9).subarray(from, to), at);
    for (let row = from; row < to; row++, at++) {
      const symbol = names.getItem(row) as string;
      if (symbols.at(-1) !== symbol) symbols.push(symbol);
      rows.symbol.codes[at] = symbols.length - 1;
      const window = windows.get(interval)!.get(rows.date[at]!)!;
      rows.window_end[at] = readDay(window.end)!;
      rows.complete[at] = Number(window.complete);
    }
  }
  const text = String(month);
  return { interval, month: `${text.slice(0, 4)}-${text.slice(4)}`, rows };
}

function byDay(windows: IntervalPlan['windows']): Map<number, PlannedWindow> {
  return new Map([...windows.values()].map((window) => [readDay(window.first)!, window]));
}

/** The typed array behind a column without nulls: the typings hide it, and a call a value would be ten times slower. */
function items<T extends Int32Array | Float64Array>(chunk: DuckDBDataChunk, column: number): T {
  return (chunk.getColumnVector(column) as unknown as { items: T }).items;
}

function pathList(paths: readonly string[]): string {
  return `[${paths.map((path) => `'${path.replaceAll("'", "''")}'`).join(', ')}]::VARCHAR[]`;
}
