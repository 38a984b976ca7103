import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { DuckDBInstance } from '@duckdb/node-api';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { sessionNumber } from '../../../src/calendar/calendar.ts';
import { consolidate } from '../../../src/jobs/consolidate/consolidate.ts';
import { resample } from '../../../src/jobs/resample/resample.ts';
import { FileLake } from '../../../src/lake/file-lake.ts';
import { keys, listAll } from '../../../src/lake/lake.ts';
import { decodeBars } from '../../../src/lake/session-files.ts';
import { publish } from '../../lake/published.ts';
import { haveRealBars, realBars } from '../../lake/real-bars.ts';
import { type NaiveBar, naiveSilver } from './naive.ts';
import { readSilver } from './read-silver.ts';

const INTERVALS = [3, 5, 8, 13, 21, 34];
const inOrder = (rows: NaiveBar[]) =>
  rows.sort((a, b) => (a.symbol === b.symbol ? (a.date < b.date ? -1 : 1) : a.symbol < b.symbol ? -1 : 1));

describe.runIf(haveRealBars())('two years of real bars', () => {
  const folder = mkdtempSync(join(tmpdir(), 'real-bars-'));
  const lake = new FileLake(pathToFileURL(folder).href);
  let sessions: ReturnType<typeof realBars>;

  beforeAll(async () => {
    sessions = realBars();
    const dates = [...sessions.keys()];
    // All but the last 20 days at once, then night by night, as a lake grows.
    for (const date of dates.slice(0, -20)) await publish(lake, date, sessions.get(date)!);
    await night();
    for (const date of dates.slice(-20)) {
      await publish(lake, date, sessions.get(date)!);
      await night();
    }
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  async function night() {
    expect(await consolidate(lake, { mode: 'incremental', maxWorkers: 10, runId: 'test' })).toMatchObject({
      status: 'success',
    });
    await resample(lake, { mode: 'incremental', intervals: INTERVALS, runId: 'test', memoryLimitMb: 300 });
  }

  test('every bar in is in the histories, once, under its symbol as text', async () => {
    const expected = [...sessions.values()].flat();
    let rows = 0;
    for (const symbol of new Set(expected.map((bar) => bar.symbol))) {
      const history = await decodeBars((await lake.read(keys.symbol(symbol)))!, symbol);
      expect(history).toEqual(
        expected.filter((bar) => bar.symbol === symbol).sort((a, b) => (a.date < b.date ? -1 : 1)),
      );
      rows += history.length;
    }
    expect(rows).toBe(expected.length);
  });

  test.each(INTERVALS)('every bar of %i sessions equals the naive computation', async (n) => {
    const naive = naiveSilver([...sessions.values()].flat(), n, [...sessions.keys()].at(-1)!);
    const rows = await readSilver(lake, n);
    expect(inOrder(rows.map(({ month: _, ...row }) => row))).toEqual(naive);
  });

  test.each(INTERVALS)('bars of %i sessions and SQL over the session files differ in no row, either way', async (n) => {
    const connection = await (await DuckDBInstance.create(':memory:', { threads: '2' })).connect();
    const paths = async (prefix: string) => {
      const found = (await listAll(lake, prefix)).map(({ key }) => `'${lake.path(key).replaceAll("'", "''")}'`);
      return `read_parquet([${found.join(', ')}], hive_partitioning = false)`;
    };
    await connection.run('CREATE TABLE cal (date DATE, sn INTEGER)');
    const calendar = [...sessions.keys()].map((date) => `('${date}', ${sessionNumber(date)})`);
    await connection.run(`INSERT INTO cal VALUES ${calendar.join(', ')}`);
    await connection.run(`CREATE VIEW oracle AS
      SELECT symbol, floor(sn / ${n})::INTEGER AS w, arg_min(open, sn) AS open, max(high) AS high, min(low) AS low,
        arg_max(close, sn) AS close, sum(volume::DECIMAL(38, 6))::DOUBLE AS volume, count(*)::INTEGER AS bars
      FROM ${await paths('bronze/sessions/')} JOIN cal USING (date) GROUP BY ALL`);
    // A window that began before the first held session has no number here, so its end is looked up instead.
    await connection.run(`CREATE VIEW ours AS
      SELECT symbol, (SELECT min(floor(sn / ${n}))::INTEGER FROM cal WHERE cal.date BETWEEN s.date AND s.window_end) AS w,
        open, high, low, close, volume, bars FROM ${await paths(keys.silverOf(n))} s`);
    for (const [a, b] of [
      ['ours', 'oracle'],
      ['oracle', 'ours'],
    ]) {
      const rows = await connection.runAndReadAll(`SELECT count(*) FROM (FROM ${a} EXCEPT ALL FROM ${b})`);
      expect(rows.getRowsJson()).toEqual([['0']]);
    }
    connection.closeSync();
  });

  test('one rebuild gives the same files', async () => {
    const before = await contents();
    const full = await resample(lake, { mode: 'full', intervals: INTERVALS, runId: 'test', memoryLimitMb: 300 });
    expect(full.filesWritten).toBe(0);
    const again = await consolidate(lake, { mode: 'full', maxWorkers: 10, runId: 'test' });
    expect(again).toMatchObject({ status: 'success', added: 0, revised: 0, removed: 0, filesWritten: 0 });
    expect(await contents()).toEqual(before);
  });

  async function contents(): Promise<Record<string, string>> {
    const entries = [...(await listAll(lake, 'silver/')), ...(await listAll(lake, 'bronze/'))];
    return Object.fromEntries(entries.map(({ key, etag }) => [key, etag]));
  }
});
