import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { sessionAt } from '../../../src/calendar/calendar.ts';
import { consolidate } from '../../../src/jobs/consolidate/consolidate.ts';
import { FileLake } from '../../../src/lake/file-lake.ts';
import { keys, listAll } from '../../../src/lake/lake.ts';
import { decodeBars, encodeBars } from '../../../src/lake/session-files.ts';
import type { Bar } from '../../../src/records/bar.ts';
import { bar, publish } from '../../lake/published.ts';

const SYMBOLS = [
  'AAPL',
  'BRK.B',
  'KIMpL',
  'KIMPL',
  'A/B',
  'TRUE',
  'NAN',
  ...Array.from({ length: 13 }, (_, i) => `G${i}`),
];
const NIGHTS = 60;
const options = { mode: 'incremental', maxWorkers: 4, runId: 'test' } as const;

/** Halts, gaps, listings and corrections: what each night publishes and which date files lie beside it. */
function marketOf(): { sessions: Map<string, Bar[]>; dateFiles: Bar[] } {
  let seed = 42;
  const chance = (of: number) => {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    return seed / 2 ** 32 < of;
  };
  const sessions = new Map<string, Bar[]>();
  const dateFiles: Bar[] = [];
  for (let night = 0; night < NIGHTS; night++) {
    const date = sessionAt(9000 + night);
    // A night without a session file is a gap; a symbol without a bar was halted or not yet listed.
    const listed = SYMBOLS.filter((_, i) => night >= i * 2 && !chance(0.1));
    if (!chance(0.1))
      sessions.set(
        date,
        listed.map((symbol) => bar(symbol, date)),
      );
    for (const symbol of SYMBOLS) {
      // Older and newer than the session's own rows; only the newer ones are corrections.
      if (chance(0.1)) dateFiles.push(bar(symbol, date, chance(0.5) ? 5 : -5));
    }
  }
  return { sessions, dateFiles };
}

describe('a consolidated lake', () => {
  let home: string;
  let lake: FileLake;
  let duckdb: DuckDBInstance;
  let connection: DuckDBConnection;
  const { sessions, dateFiles } = marketOf();

  beforeAll(async () => {
    home = mkdtempSync(join(tmpdir(), 'oracle-'));
    lake = new FileLake(pathToFileURL(home).href);
    const dates = [...sessions.keys()];
    // In three nights, the first of them last: a late back-fill.
    for (const part of [dates.slice(20, 40), dates.slice(40), dates.slice(0, 20)]) {
      for (const date of part) await publish(lake, date, sessions.get(date)!);
      for (const one of dateFiles.filter(({ date }) => part.includes(date))) {
        await lake.write(keys.symbolDate(one.symbol, one.date), encodeBars([one]));
      }
      await consolidate(lake, options);
    }
    for (const one of dateFiles) await lake.write(keys.symbolDate(one.symbol, one.date), encodeBars([one]));
    expect(await consolidate(lake, options)).toMatchObject({ status: 'success' });
    duckdb = await DuckDBInstance.create(':memory:');
    connection = await duckdb.connect();
  });
  afterAll(() => {
    connection?.closeSync();
    duckdb?.closeSync();
    rmSync(home, { recursive: true, force: true });
  });

  test('has the rows DuckDB finds in the sources, and no others', async () => {
    const files = async (prefix: string, ending: RegExp) => {
      const found = (await listAll(lake, prefix)).map(({ key }) => key).filter((key) => ending.test(key));
      return `[${found.map((key) => `'${lake.path(key)}'`).join(',')}]`;
    };
    const read = (list: string) => `read_parquet(${list}, hive_partitioning = false)`;
    await connection.run(`
      CREATE TABLE ours AS SELECT * FROM ${read(await files('bronze/raw_ohlcv/', /data\.parquet$/))};
      CREATE TABLE oracle AS SELECT * EXCLUDE (src, place) FROM (
        SELECT *, row_number() OVER (PARTITION BY symbol, date ORDER BY ingested_at DESC, src DESC) AS place FROM (
          SELECT *, 1 AS src FROM ${read(await files('bronze/sessions/', /bars\.parquet$/))}
          UNION ALL BY NAME
          SELECT *, 0 AS src FROM ${read(await files('bronze/raw_ohlcv/', /date=[^/]*\.parquet$/))})) WHERE place = 1;`);
    for (const [a, b] of [
      ['ours', 'oracle'],
      ['oracle', 'ours'],
    ]) {
      const reader = await connection.runAndReadAll(`SELECT * FROM ${a} EXCEPT ALL SELECT * FROM ${b}`);
      expect(reader.getRowObjectsJson()).toEqual([]);
    }
    const [count] = (await connection.runAndReadAll('SELECT count(*)::INT AS n FROM ours')).getRowObjectsJson();
    expect(count!.n).toBeGreaterThan(500);
  });

  test('has what a naive merge in TypeScript gives, in order of date', async () => {
    const best = new Map<string, Bar>();
    // The session last, because it wins a tie.
    for (const one of [...dateFiles, ...[...sessions.values()].flat()]) {
      const known = best.get(`${one.symbol} ${one.date}`);
      if (!known || one.ingestedAt >= known.ingestedAt) best.set(`${one.symbol} ${one.date}`, one);
    }
    for (const symbol of SYMBOLS) {
      const wanted = [...best.values()].filter((one) => one.symbol === symbol);
      const bytes = await lake.read(keys.symbol(symbol));
      expect(await decodeBars(bytes!, symbol)).toEqual(wanted.sort((a, b) => (a.date < b.date ? -1 : 1)));
    }
  });
});
