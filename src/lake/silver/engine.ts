import { type DuckDBConnection, type DuckDBDataChunk, DuckDBDateValue, DuckDBInstance } from '@duckdb/node-api';
import { readDay } from '../../calendar/dates.ts';
import { NamedError } from '../../errors.ts';
import { stopIfAsked } from '../in-flight.ts';
import adjustedBars from './adjusted-bars.sql';
import barsRead from './bars-read.sql';
import filesRead from './files-read.sql';
import historyBars from './history-bars.sql';
import probeSql from './probe.sql';
import sessionBars from './session-bars.sql';
import type { Slots } from './slots.ts';
import type { FactorSpan } from './splits.ts';
import tables from './tables.sql';
import windowsSql from './windows.sql';

const NOT_WHOLE = 'not a whole volume';
/** Whole numbers this small add up exactly as doubles, 250 to a window, at a fraction of what decimals cost. */
const WHOLE_VOLUME = `CASE WHEN volume = trunc(volume) AND abs(volume) < ${2 ** 45} THEN volume ELSE error('${NOT_WHOLE}') END`;
const EXACT_VOLUME = 'volume::DECIMAL(38, 6)';

/** Symbols whose windows are made in one query. */
export interface Portion {
  /** In order; a symbol's place here is its number in the answer. */
  symbols: readonly string[];
  /** Local paths of their histories, symbol by symbol; empty when no history is needed. */
  histories: readonly string[];
  /** Local paths. */
  sessionFiles: readonly string[];
  slots: Slots;
  /** Dates whose bars are taken from the histories instead of the session files. */
  fromHistory: (date: string) => boolean;
  factors: ReadonlyMap<string, readonly FactorSpan[]>;
}

/** Windows as DuckDB gives them, in no order: `place` = symbol's number × number of slots + slot. */
export interface WindowChunk {
  rows: number;
  place: Int32Array;
  open: Float64Array;
  high: Float64Array;
  low: Float64Array;
  close: Float64Array;
  volume: Float64Array;
  bars: Int32Array;
}

export interface EngineOptions {
  memoryLimitMb: number;
  threads: number;
  /** Folder for what does not fit into memory. */
  scratch: string;
  signal?: AbortSignal;
}

/** DuckDB, set up for reading many small files once. */
export class Engine {
  private slots: Slots | undefined;
  private fromHistory: Portion['fromHistory'] | undefined;
  private readonly interrupt = () => this.connection.interrupt();

  private constructor(
    private readonly instance: DuckDBInstance,
    private readonly connection: DuckDBConnection,
    private readonly signal: AbortSignal | undefined,
  ) {
    // A query runs for seconds before its first row; a signal must not wait for it.
    signal?.addEventListener('abort', this.interrupt);
  }

  static async open({ memoryLimitMb, threads, scratch, signal }: EngineOptions): Promise<Engine> {
    const instance = await DuckDBInstance.create(':memory:', {
      threads: String(threads),
      memory_limit: `${memoryLimitMb}MB`,
      temp_directory: scratch,
      // Every file is read once; caching them would only take memory from the aggregation.
      enable_external_file_cache: 'false',
      preserve_insertion_order: 'false',
      autoinstall_known_extensions: 'false',
    });
    const connection = await instance.connect();
    // Footers are read twice: with the bars, and when these are counted.
    await connection.run('SET parquet_metadata_cache = true');
    return new Engine(instance, connection, signal);
  }

  /** @throws Job.Failed with DuckDB's own words; Job.Interrupted */
  async *windows(portion: Portion): AsyncIterable<WindowChunk> {
    try {
      await this.prepare(portion);
      const sql = windowsSql
        .replaceAll('/*bars*/', barsOf(portion))
        .replace('/*slots*/', String(portion.slots.windows.length));
      const result = await this.connection.stream(sql.replace('/*volume*/', WHOLE_VOLUME)).catch((error: Error) => {
        if (!error.message.includes(NOT_WHOLE)) throw error;
        return this.connection.stream(sql.replace('/*volume*/', EXACT_VOLUME));
      });
      for (;;) {
        const chunk = await result.fetchChunk();
        if (!chunk || chunk.rowCount === 0) return;
        yield windowChunk(chunk);
      }
    } catch (error) {
      throw this.named(error);
    }
  }

  /** Bars that the portion of the last `windows` call has, counted once a window they belong to. */
  async barsRead(portion: Portion): Promise<number> {
    return this.count(barsRead.replaceAll('/*bars*/', barsOf(portion)));
  }

  /** Bars in the portion's histories, of whatever date, as far as their footers name the symbol they should. */
  async barsStored(): Promise<number> {
    return this.count(filesRead);
  }

  /**
   * What is wrong with a file of bars, undefined when every value can be read and they are of the one symbol.
   * @throws Job.Interrupted
   */
  async fault(path: string, symbol?: string): Promise<string | undefined> {
    try {
      await this.connection.run(`SET VARIABLE probed = ${pathList([path])}`);
      const [row] = (await this.connection.runAndReadAll(probeSql)).getRowsJson();
      const strangers = [row![1], row![2]].filter((found) => symbol !== undefined && found !== symbol && found !== '');
      return strangers.length > 0 ? `bars of ${JSON.stringify(strangers[0])}` : undefined;
    } catch (error) {
      stopIfAsked(this.signal);
      return (error as Error).message;
    }
  }

  close(): void {
    this.signal?.removeEventListener('abort', this.interrupt);
    this.connection.closeSync();
    this.instance.closeSync();
  }

  private async count(sql: string): Promise<number> {
    try {
      return Number((await this.connection.runAndReadAll(sql)).getRowsJson()[0]![0]);
    } catch (error) {
      throw this.named(error);
    }
  }

  private async prepare({ symbols, histories, sessionFiles, slots, fromHistory, factors }: Portion): Promise<void> {
    stopIfAsked(this.signal);
    await this.connection.run(`SET VARIABLE session_files = ${pathList(sessionFiles)}`);
    await this.connection.run(`SET VARIABLE history_files = ${pathList(histories)}`);
    for (const sql of tables.split(';\n').filter(Boolean)) await this.connection.run(sql);
    const pieces = await this.connection.createAppender('pieces');
    for (const [sid, symbol] of symbols.entries()) {
      pieces.appendInteger(sid);
      pieces.appendVarchar(symbol);
      pieces.appendVarchar(histories[sid] ?? '');
      pieces.endRow();
    }
    pieces.closeSync();
    const spans = await this.connection.createAppender('factors');
    for (const [sid, symbol] of symbols.entries()) {
      for (const { from, to, factor } of factors.get(symbol) ?? []) {
        spans.appendInteger(sid);
        spans.appendDate(new DuckDBDateValue(from));
        spans.appendDate(new DuckDBDateValue(to));
        spans.appendDouble(factor);
        spans.endRow();
      }
    }
    spans.closeSync();
    if (this.slots !== slots || this.fromHistory !== fromHistory) await this.fillSlots(slots, fromHistory);
  }

  private async fillSlots(slots: Slots, fromHistory: Portion['fromHistory']): Promise<void> {
    await this.connection.run('CREATE OR REPLACE TABLE slots (slot INTEGER, date DATE, from_history BOOLEAN)');
    const appender = await this.connection.createAppender('slots');
    for (const [slot, { dates }] of slots.windows.entries()) {
      for (const date of dates) {
        appender.appendInteger(slot);
        appender.appendDate(new DuckDBDateValue(readDay(date)!));
        appender.appendBoolean(fromHistory(date));
        appender.endRow();
      }
    }
    appender.closeSync();
    this.slots = slots;
    this.fromHistory = fromHistory;
  }

  private named(error: unknown): unknown {
    if (error instanceof NamedError) return error;
    try {
      stopIfAsked(this.signal);
    } catch (interrupted) {
      return interrupted;
    }
    return new NamedError(
      'Job.Failed',
      {
        what: 'the bars could not be resampled',
        found: (error as Error).message,
        todo: 'A file named here is damaged: see `afterbell verify`. Out of memory: raise MEMORY_LIMIT_MB.',
      },
      { cause: error },
    );
  }
}

function barsOf({ symbols, histories, sessionFiles, factors }: Portion): string {
  const sources = [sessionFiles.length > 0 && sessionBars, histories.length > 0 && historyBars];
  const bars = sources.filter(Boolean).join('\nUNION ALL\n');
  return symbols.some((symbol) => factors.has(symbol)) ? adjustedBars.replace('/*bars*/', bars) : bars;
}

function windowChunk(chunk: DuckDBDataChunk): WindowChunk {
  // The typed array behind a column without nulls: the typings hide it, and a call a value would be ten times slower.
  const items = (column: number) => (chunk.getColumnVector(column) as unknown as { items: unknown }).items;
  const [place, open, high, low, close, volume, bars] = [0, 1, 2, 3, 4, 5, 6].map(items);
  return { rows: chunk.rowCount, place, open, high, low, close, volume, bars } as WindowChunk;
}

function pathList(paths: readonly string[]): string {
  return `[${paths.map((path) => `'${path.replaceAll("'", "''")}'`).join(', ')}]::VARCHAR[]`;
}
