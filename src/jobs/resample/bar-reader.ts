import { type DuckDBConnection, type DuckDBDataChunk, DuckDBInstance } from '@duckdb/node-api';
import { stopIfAsked } from '../../concurrency.ts';
import { NamedError } from '../../errors.ts';
import { fileList, textList } from '../../lake/exact-paths.ts';
import type { FactorSpan } from '../../lake/splits-list.ts';
import { statement } from '../../text.ts';
import sql from './bar-reader.sql';
import type { WindowTable } from './window-plan.ts';

const filesReadSql = statement(sql, 'files-read');
const historyBarsSql = statement(sql, 'history-bars');
const probeSql = statement(sql, 'probe');
const sessionBarsSql = statement(sql, 'session-bars');

/** Symbols whose bars are read in one query. */
export interface BatchInput {
  /** In order; a symbol's place here is its number in the answer. */
  symbols: readonly string[];
  /** Local paths of their histories, symbol by symbol; empty when no history is needed. */
  histories: readonly string[];
  /** Local paths. */
  sessionFiles: readonly string[];
  /** Dates that are taken from the histories; undefined = all. */
  historyDates?: readonly string[];
  windowTable: WindowTable;
  factors: ReadonlyMap<string, readonly FactorSpan[]>;
  /** Symbol → days on which another company took it over, in order. */
  companyChanges: ReadonlyMap<string, readonly number[]>;
  /** Symbol → bars its whole history should have. */
  barsOf: (symbol: string) => number;
}

/** Bars as DuckDB gives them: by symbol, and by date as far as the files are. The arrays are the receiver's. */
export interface BarChunk {
  rows: number;
  /** Symbol's number; -1 = none of the batch's. */
  sid: Int32Array;
  /** Days since 1970. */
  day: Int32Array;
  open: Float64Array;
  high: Float64Array;
  low: Float64Array;
  close: Float64Array;
  volume: Float64Array;
}

export interface EngineOptions {
  memoryLimitMb: number;
  threads: number;
  /** Folder for what does not fit into memory. */
  scratch: string;
  signal?: AbortSignal;
}

/** DuckDB, set up for reading many small files once, whatever their Parquet looks like. */
export class Engine {
  /** What is known of the files that were probed: each is, once. */
  private readonly probed = new Map<string, string | undefined>();
  private readonly interrupt = () => this.connection.interrupt();

  private constructor(
    private readonly instance: DuckDBInstance,
    private readonly connection: DuckDBConnection,
    private readonly signal: AbortSignal | undefined,
  ) {
    // A signal must not wait for the end of a query.
    signal?.addEventListener('abort', this.interrupt);
  }

  static async open({ memoryLimitMb, threads, scratch, signal }: EngineOptions): Promise<Engine> {
    const instance = await DuckDBInstance.create(':memory:', {
      threads: String(threads),
      memory_limit: `${memoryLimitMb}MB`,
      temp_directory: scratch,
      // Every file is read once; caching them would only take memory.
      enable_external_file_cache: 'false',
      preserve_insertion_order: 'true',
      autoinstall_known_extensions: 'false',
    });
    return new Engine(instance, await instance.connect(), signal);
  }

  /** @throws Job.Failed with DuckDB's own words; Job.Interrupted */
  async *bars(input: BatchInput): AsyncIterable<BarChunk> {
    try {
      stopIfAsked(this.signal);
      if (input.sessionFiles.length + input.histories.length === 0) return;
      await this.set('symbols', textList(input.symbols));
      await this.set('session_files', fileList(input.sessionFiles));
      await this.set('history_files', fileList(input.histories));
      // Not streamed: a hand-over between threads for every two thousand bars takes longer than reading them.
      const result = await this.connection.run(barsSql(input));
      for (;;) {
        const chunk = await result.fetchChunk();
        if (!chunk || chunk.rowCount === 0) return;
        yield barChunk(chunk);
        stopIfAsked(this.signal);
      }
    } catch (error) {
      throw this.named(error);
    }
  }

  /** Bars that the batch of the last `bars` call has, counted apart from them. */
  async barsStored(input: BatchInput): Promise<number> {
    try {
      const { sessionFiles, histories, historyDates } = input;
      const whole = historyDates ? sessionFiles : [...sessionFiles, ...histories];
      await this.set('counted_files', fileList(whole));
      const stored = whole.length > 0 ? await this.count(filesReadSql) : 0;
      if (!historyDates || histories.length === 0) return stored;
      return stored + (await this.count(`SELECT count(*)::DOUBLE FROM (${ofDates(historyDates)})`));
    } catch (error) {
      throw this.named(error);
    }
  }

  /**
   * What is wrong with a file of bars, undefined when every value can be read and they are of the one symbol.
   * @throws Job.Interrupted
   */
  async fault(path: string, symbol?: string): Promise<string | undefined> {
    if (!this.probed.has(path)) this.probed.set(path, await this.probe(path, symbol));
    return this.probed.get(path);
  }

  private async probe(path: string, symbol: string | undefined): Promise<string | undefined> {
    try {
      await this.set('probed', fileList([path]));
      const [row] = (await this.connection.runAndReadAll(probeSql)).getRowsJson();
      const foreign = [row![1], row![2]].filter((found) => symbol !== undefined && found !== symbol && found !== '');
      return foreign.length > 0 ? `bars of ${JSON.stringify(foreign[0])}` : undefined;
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

  private async set(variable: string, list: string): Promise<void> {
    await this.connection.run(`SET VARIABLE ${variable} = ${list}::VARCHAR[]`);
  }

  private async count(sql: string): Promise<number> {
    return Number((await this.connection.runAndReadAll(sql)).getRowsJson()[0]![0]);
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
        todo: 'A file named here is damaged: see `npx afterbell verify`. Out of memory: raise MEMORY_LIMIT_MB.',
      },
      { cause: error },
    );
  }
}

/** Session files hold the symbols side by side; histories are in order as they are. */
function barsSql({ sessionFiles, histories, historyDates }: BatchInput): string {
  if (sessionFiles.length === 0) return historyDates ? ofDates(historyDates) : historyBarsSql;
  const sources = histories.length === 0 ? [sessionBarsSql] : [sessionBarsSql, ofDates(historyDates)];
  return `SELECT * FROM (${sources.join('\nUNION ALL\n')}) ORDER BY sid, date`;
}

function ofDates(dates: readonly string[] | undefined): string {
  return dates ? `${historyBarsSql} WHERE list_contains(${textList(dates)}::DATE[], b.date::DATE)` : historyBarsSql;
}

function barChunk(chunk: DuckDBDataChunk): BarChunk {
  // The typed array behind a column without nulls: the typings hide it, and a call a value would be ten times slower.
  const items = (column: number) => (chunk.getColumnVector(column) as unknown as { items: unknown }).items;
  const [sid, day, open, high, low, close, volume] = [0, 1, 2, 3, 4, 5, 6].map(items);
  return { rows: chunk.rowCount, sid, day, open, high, low, close, volume } as BarChunk;
}
