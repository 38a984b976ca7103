import { type MessagePort, Worker } from 'node:worker_threads';
import { NamedError } from '../../errors.ts';
import { keys } from '../../lake/lake.ts';
import { encodeSilver } from '../../lake/silver.ts';
import { type Rules, WindowMaker, type Windows } from './aggregate.ts';
import { checkOrder, MonthRows, mergeRows } from './month-rows.ts';
import { faultOf, type History, HistoryReader } from './read-bars.ts';

/** Windows of some symbols, and what is wrong with others. */
export interface Made {
  windows: Windows;
  /** Symbol → why it has no windows. */
  damaged: Map<string, string>;
  /** Symbol → a bar of it that breaks the OHLC rules. */
  broken: Map<string, string>;
}

/** New rows of a month as a file. */
export interface MonthFile {
  rows: number;
  bytes: Uint8Array;
}

/** Who does what takes a processor: histories into windows, then windows into month files. The lake is left to the caller. */
export interface Crew {
  /** Calls that are worked on at once. */
  size: number;
  windows(histories: readonly History[]): Promise<Made>;
  /**
   * What `files` takes rows from; said once, when all windows are made.
   * @param passes batches of disjoint symbols in order; symbols of one pass may lie between those of another
   */
  gather(passes: readonly Windows[][]): Promise<void>;
  /** Month files, by place in the window table. */
  files(months: readonly number[]): Promise<MonthFile[]>;
  close(): Promise<void>;
}

/** The work in this thread. */
export class OneThread implements Crew {
  readonly size = 1;
  private readonly reader = new HistoryReader();
  private readonly maker: WindowMaker;
  private readonly rows: MonthRows;
  private passes: readonly Windows[][] = [];
  private last: Promise<unknown> = Promise.resolve();

  constructor(private readonly rules: Rules) {
    this.maker = new WindowMaker(rules);
    this.rows = new MonthRows(rules.windowTable);
  }

  /** One call after the other, as all use the same memory. */
  windows(histories: readonly History[]): Promise<Made> {
    const made = this.last.then(() => this.make(histories));
    this.last = made.catch(() => undefined);
    return made;
  }

  private async make(histories: readonly History[]): Promise<Made> {
    const damaged = new Map<string, string>();
    const broken = new Map<string, string>();
    for (const history of histories) {
      const { symbol, key } = history;
      try {
        const fault = this.maker.add(symbol, await this.reader.read(history));
        if (fault.impossible !== undefined) damaged.set(symbol, `${key}: ${fault.impossible}`);
        if (fault.broken !== undefined) broken.set(symbol, `${key}: ${fault.broken}`);
      } catch (error) {
        damaged.set(symbol, faultOf(error));
      }
    }
    return { windows: this.maker.end(), damaged, broken };
  }

  async gather(passes: readonly Windows[][]): Promise<void> {
    this.passes = passes;
  }

  async files(months: readonly number[]): Promise<MonthFile[]> {
    const table = this.rules.windowTable;
    return months.map((month) => {
      const [first, ...others] = this.passes;
      let rows = this.rows.of(first ?? [], month);
      for (const pass of others) rows = mergeRows(rows, () => true, new MonthRows(table).of(pass, month));
      const { interval, month: date } = table.months[month]!;
      checkOrder(rows, keys.silver(interval, date));
      return { rows: rows.date.length, bytes: encodeSilver(rows) };
    });
  }

  async close(): Promise<void> {}
}

/** Told to a thread, and what it answers; `call` is undefined in the first message, which has the rules. */
type Question = { rules: Rules } | { call: 'windows' | 'gather' | 'files'; argument: unknown };
type Answer = { value: unknown } | { name: string; message: string };

/** The same work in other threads, each call in one that is idle. Which one it is changes no byte of the answer. */
export class Threads implements Crew {
  readonly size: number;
  private readonly idle: Worker[];
  private readonly all: readonly Worker[];
  private readonly waiting: ((worker: Worker) => void)[] = [];

  /** @param program the bundle of thread.ts */
  constructor(rules: Rules, threads: number, program: URL) {
    this.all = Array.from({ length: threads }, () => new Worker(program));
    for (const worker of this.all) worker.postMessage({ rules } satisfies Question);
    this.idle = [...this.all];
    this.size = threads;
  }

  windows(histories: readonly History[]): Promise<Made> {
    return this.byIdle('windows', histories) as Promise<Made>;
  }

  async gather(passes: readonly Windows[][]): Promise<void> {
    await Promise.all(this.all.map((worker) => ask(worker, 'gather', passes)));
  }

  files(months: readonly number[]): Promise<MonthFile[]> {
    return this.byIdle('files', months) as Promise<MonthFile[]>;
  }

  async close(): Promise<void> {
    await Promise.all(this.all.map((worker) => worker.terminate()));
  }

  private async byIdle(call: 'windows' | 'files', argument: unknown): Promise<unknown> {
    const worker = this.idle.pop() ?? (await new Promise<Worker>((resolve) => this.waiting.push(resolve)));
    try {
      return await ask(worker, call, argument);
    } finally {
      const next = this.waiting.shift();
      if (next) next(worker);
      else this.idle.push(worker);
    }
  }
}

/** @throws what the work threw, or Job.Failed when the thread ends instead */
function ask(worker: Worker, call: 'windows' | 'gather' | 'files', argument: unknown): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const answered = (answer: Answer) => {
      worker.off('error', reject);
      worker.off('exit', ended);
      if ('value' in answer) resolve(answer.value);
      else reject(Object.assign(new Error(answer.message), { name: answer.name }));
    };
    const ended = () => {
      reject(new NamedError('Job.Failed', { what: 'a thread of the resampler ended', wanted: 'an answer of it' }));
    };
    worker.once('message', answered).once('error', reject).once('exit', ended);
    worker.postMessage({ call, argument } satisfies Question);
  });
}

/** A thread's side: answers questions one by one. */
export function serve(port: MessagePort): void {
  let crew: OneThread | undefined;
  port.on('message', async (question: Question) => {
    if ('rules' in question) {
      crew = new OneThread(question.rules);
      return;
    }
    try {
      const value = await crew![question.call](question.argument as never);
      const files = question.call === 'files' ? (value as MonthFile[]) : [];
      port.postMessage(
        { value } satisfies Answer,
        files.map(({ bytes }) => bytes.buffer as ArrayBuffer),
      );
    } catch (error) {
      const { name, message } = error as Error;
      port.postMessage({ name, message } satisfies Answer);
    }
  });
}
