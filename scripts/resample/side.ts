import { existsSync, mkdirSync, readdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { DuckDBInstance, version } from '@duckdb/node-api';
import { sessionAt } from '../../src/calendar/calendar.ts';
import { resample } from '../../src/jobs/resample/resample.ts';
import { FileLake } from '../../src/lake/file-lake.ts';
import { keys } from '../../src/lake/lake.ts';
import { encodeRows } from '../../src/lake/parquet.ts';
import differencesSql from '../peers/differences.sql';
import bestSql from './best.sql';
import { consolidated, generate, LAST, LONGEST, lengths } from './generate.ts';
import naiveSql from './naive.sql';
import originalSql from './original.sql';

// One measurement in a process of its own: node side.mjs FOLDER SIDE; a line of JSON on stdout.
const INTERVALS = [3, 5, 8, 13, 21, 34];
const NIGHTS = 3;
const MEMORY_LIMIT_MB = 700;
const [, , folder = '', side = '', argument = '0'] = process.argv;
const lake = new FileLake(pathToFileURL(folder).href);

const sides: Record<string, () => Promise<object>> = {
  async generate() {
    return { bars: await generate(lake, Number(argument), NIGHTS) };
  },
  async full() {
    setAside('silver');
    return ours('full');
  },
  /** The night after the last one, or the first of them. */
  async night() {
    await consolidated(lake, Number(argument));
    return ours('incremental');
  },
  async split() {
    const place = lengths(Number(argument)).indexOf(15_900);
    const symbol = `S${place.toString(36).toUpperCase().padStart(4, '0')}`;
    const row = { symbol, execution_date: sessionAt(LAST), split_from: 1, split_to: 4 };
    const columns = [
      { name: 'symbol', type: 'text' },
      { name: 'execution_date', type: 'date' },
      { name: 'split_from', type: 'double' },
      { name: 'split_to', type: 'double' },
    ] as const;
    await lake.write(keys.snapshot('splits', sessionAt(LAST)), encodeRows(columns, [row]));
    return ours('incremental');
  },
  async naive() {
    setAside('naive');
    const out = join(folder, 'naive');
    mkdirSync(out);
    const connection = await duckdb();
    // Without it the copy writes six files where one is wanted.
    await connection.run('SET partitioned_write_max_open_files = 6000');
    const started = performance.now();
    for (const n of INTERVALS) {
      await connection.run(naiveSql.replaceAll('/*n*/', String(n)).replace('/*folder*/', join(out, `silver_${n}d`)));
    }
    return { seconds: (performance.now() - started) / 1000 };
  },
  /** Windows of the same sessions as ours, so that the rows are the same. */
  async best() {
    setAside('best');
    const connection = await duckdb();
    // Without them the copy writes six files where one is wanted, of several row groups.
    await connection.run('SET partitioned_write_max_open_files = 6000');
    await connection.run('SET partitioned_write_flush_threshold = 50000000');
    const [from, to] = [LAST - LONGEST - 40, LAST + 40];
    const days = Array.from({ length: to - from }, (_, i) => `(${from + i}, DATE '${sessionAt(from + i)}')`);
    await connection.run(`CREATE TABLE calendar AS FROM (VALUES ${days.join(', ')}) days(number, date)`);
    const started = performance.now();
    await connection.run(bestSql.replace('/*folder*/', join(folder, 'best')).replace('/*newest*/', String(LAST)));
    return { version: version(), seconds: (performance.now() - started) / 1000 };
  },
  /** The sessions' numbers for those who have no calendar of ours. */
  async calendar() {
    const [from, to] = [LAST - LONGEST - 40, LAST + 40];
    const lines = Array.from({ length: to - from }, (_, i) => `${from + i},${sessionAt(from + i)}\n`);
    writeFileSync(join(folder, 'calendar.csv'), `number,date\n${lines.join('')}`);
    return {};
  },
  /** Rows of ours that a peer lacks, and those it has besides; the argument names its folder. */
  async differences() {
    const connection = await duckdb();
    const sql = differencesSql.replaceAll('{folder}', folder).replace('{peer}', argument);
    return (await connection.runAndReadAll(sql)).getRowObjectsJson()[0]!;
  },
  async original() {
    const connection = await duckdb();
    const started = performance.now();
    let rows = 0;
    for (const n of INTERVALS) {
      const result = await connection.stream(originalSql.replace('/*n*/', String(n)));
      for (let chunk = await result.fetchChunk(); chunk && chunk.rowCount > 0; chunk = await result.fetchChunk()) {
        rows += chunk.rowCount;
      }
    }
    return { seconds: (performance.now() - started) / 1000, rows };
  },
};

/**
 * Moves the last run's output out of the way. It is not deleted: for minutes ext4 makes every new file search past the
 * places of deleted ones, which would be timed instead of the work.
 */
function setAside(name: string): void {
  const aside = join(folder, 'aside');
  mkdirSync(aside, { recursive: true });
  const path = join(folder, name);
  if (existsSync(path)) renameSync(path, join(aside, `${name}-${Date.now()}`));
}

async function ours(mode: 'full' | 'incremental'): Promise<object> {
  const threads = { threads: 2, program: new URL('thread.mjs', import.meta.url) };
  const options = {
    mode,
    intervals: INTERVALS,
    runId: 'bench',
    memoryLimitMb: MEMORY_LIMIT_MB,
    scratch: folder,
    threads,
  };
  const { seconds, filesWritten, rows, errors } = await resample(lake, options);
  // Each interval's checkpoint is a file, too.
  return { seconds, rows, errors: errors.length, files: filesWritten - INTERVALS.length };
}

/** As much memory as it likes, so that nothing spills. */
async function duckdb() {
  const instance = await DuckDBInstance.create(':memory:', { threads: '2', enable_external_file_cache: 'false' });
  const connection = await instance.connect();
  const symbols = readdirSync(join(folder, 'bronze/raw_ohlcv'));
  const paths = symbols.map(
    (name) => `'${join(folder, 'bronze/raw_ohlcv', name, 'data.parquet').replaceAll("'", "''")}'`,
  );
  await connection.run(`SET VARIABLE files = [${paths.join(', ')}]`);
  return connection;
}

const before = process.cpuUsage();
const result = await sides[side]!();
const { user, system } = process.cpuUsage(before);
const peakGb = process.resourceUsage().maxRSS / 1e6;
process.stdout.write(`${JSON.stringify({ ...result, cpuSeconds: (user + system) / 1e6, peakGb })}\n`);
