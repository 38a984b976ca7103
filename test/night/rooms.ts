import { loadConfig } from '../../src/config.ts';
import type { Stores } from '../../src/stores.ts';
import { Runs } from '../../src/tables/runs.ts';
import type { SqlRow, SqlValue, Warehouse } from '../../src/warehouse/client.ts';
import { MemoryLake } from '../lake/memory-lake.ts';
import type { LocalTables } from '../tables/local-tables.ts';

/** A warehouse that records what is sent and answers a count of nothing; `trouble` makes it fail. */
export class FakeWarehouse implements Warehouse {
  readonly sent: { sql: string; values: Record<string, SqlValue> }[] = [];
  trouble: Error | undefined;

  async query(sql: string, values: Record<string, SqlValue> = {}): Promise<SqlRow[]> {
    if (this.trouble) throw this.trouble;
    this.sent.push({ sql, values });
    return sql.startsWith('SELECT id FROM schema_migrations') ? [] : [{ new: 0, changed: 0, removed: 0 }];
  }

  read(sql: string): Promise<SqlRow[]> {
    return this.query(sql);
  }
}

export interface TestStores extends Stores {
  lake: MemoryLake;
  warehouse: FakeWarehouse;
  /** What was done in lake and runs table, in order: `write KEY`, `remove KEY`, `saveCursor tickers` … */
  order: string[];
}

/** Stores for one test: a lake in memory, tables of their own, a warehouse that only records. */
export async function openTestStores(tables: LocalTables, settings: Record<string, string> = {}): Promise<TestStores> {
  const names = { TICKERS_TABLE: await tables.create('tickers'), RUNS_TABLE: await tables.create('runs') };
  const config = loadConfig({ ...names, ...settings });
  const order: string[] = [];
  const lake = recording(new MemoryLake(), ['write', 'remove'], order);
  const runs = recording(new Runs(tables.client, config.RUNS_TABLE), RUNS_CHANGES, order);
  return { config, lake, tables: tables.client, runs, warehouse: new FakeWarehouse(), order };
}

const RUNS_CHANGES = [
  'takeLock',
  'releaseLock',
  'saveCursor',
  'dropCursor',
  'saveLastSync',
  'saveSessionState',
  'saveHeldRun',
  'dropHeldRun',
  'saveHeldSync',
  'dropHeldSync',
];

/** The same object, its changes written down before they are done. */
function recording<T extends object>(target: T, methods: readonly string[], order: string[]): T {
  return new Proxy(target, {
    get(object, name) {
      const value = Reflect.get(object, name, object) as unknown;
      if (typeof value !== 'function') return value;
      return (...args: unknown[]) => {
        if (methods.includes(String(name))) order.push(`${String(name)} ${[args[0]].flat().map(shown).join(' ')}`);
        return (value as (...given: unknown[]) => unknown).apply(object, args);
      };
    },
    set: (object, name, value) => Reflect.set(object, name, value, object),
  });
}

function shown(argument: unknown): string {
  return typeof argument === 'string' ? argument : ((argument as { session?: string })?.session ?? '');
}
