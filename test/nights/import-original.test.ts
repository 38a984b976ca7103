import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { gzipSync } from 'node:zlib';
import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import { expect, test } from 'vitest';
import { startLoopbackS3 } from '../../scripts/bench/loopback-s3.ts';
import { sessionsBetween } from '../../src/calendar/calendar.ts';
import { afterThisTest } from '../cleanup.ts';
import { afterbell, started } from './command.ts';
import { lakeFiles, scratch, warmHome } from './scene.ts';

const FIRST = sessionsBetween('2024-05-01', '2024-06-28');

/** One row of a file: day, close; the other prices lie around it. */
type Row = readonly [day: string, close: number];

async function duckdb<T>(work: (connection: DuckDBConnection) => Promise<T>): Promise<T> {
  const instance = await DuckDBInstance.create(':memory:');
  const connection = await instance.connect();
  try {
    return await work(connection);
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}

/** Files as the original wrote them: path below `bronze/raw_ohlcv/` → SELECT of its rows. */
async function originalLake(
  files: Readonly<Record<string, string>>,
  folder = join(scratch(), 'original'),
): Promise<string> {
  await duckdb(async (connection) => {
    for (const [name, select] of Object.entries(files)) {
      const path = join(folder, 'bronze', 'raw_ohlcv', name);
      mkdirSync(dirname(path), { recursive: true });
      await connection.run(`COPY (${select}) TO '${path}' (FORMAT parquet)`);
    }
  });
  return folder;
}

function bars(symbol: string, rows: readonly Row[]): string {
  const values = rows.map(([day, close]) => `('${day}', ${close})`).join(', ');
  return `SELECT '${symbol}' AS symbol, close::DOUBLE AS open, close + 1.0::DOUBLE AS high, close - 1.0::DOUBLE AS low,
    close::DOUBLE AS close, 1000::BIGINT AS volume, day::TIMESTAMP AS timestamp, '1d' AS interval FROM (VALUES ${values}) AS v (day, close)`;
}

const history = (symbol: string, days: readonly string[], price = 20) =>
  bars(
    symbol,
    days.map((day, place) => [day, price + (place % 5)] as const),
  );

/** A lake of three symbols with what such lakes have been seen to have: duplicates, weekends, late date files. */
async function usualLake(): Promise<string> {
  return originalLake({
    'symbol=AAA/data.parquet': `${history('AAA', FIRST)} UNION ALL ${bars('AAA', [
      [FIRST[0]!, 20],
      [FIRST[1]!, 99],
      ['2024-05-04', 20],
    ])}`,
    // A correction that came later counts more than the history.
    [`symbol=AAA/date=${FIRST[3]}.parquet`]: bars('AAA', [[FIRST[3]!, 55]]),
    'symbol=AAA/date=2024-07-01.parquet': bars('AAA', [['2024-07-01', 30]]),
    'symbol=BRK.B/data.parquet': history('BRK.B', FIRST, 400),
    'symbol=KIMpL/data.parquet': `SELECT * REPLACE (CASE WHEN timestamp = '${FIRST[2]}' THEN -1 ELSE close END AS close) FROM (${history('KIMpL', FIRST, 25)})`,
    'symbol=KIMpL/notes.txt.parquet': history('KIMpL', FIRST),
  });
}

/** A data directory of real data: three sessions of two symbols from flat files, one of them in the original lake, too. */
async function realHome(): Promise<Record<string, string>> {
  const folder = scratch();
  for (const date of FIRST.slice(4, 7)) {
    const rows = ['AAA', 'NEW'].map((symbol) => `${symbol},1000,70,71,72,69,0,4`);
    const [year = '', month = ''] = date.split('-');
    mkdirSync(join(folder, year, month), { recursive: true });
    const text = `ticker,volume,open,close,high,low,window_start,transactions\n${rows.join('\n')}\n`;
    writeFileSync(join(folder, year, month, `${date}.csv.gz`), gzipSync(text));
  }
  const env = { AFTERBELL_HOME: join(scratch(), 'home') };
  const range = ['--from', FIRST[4]!, '--to', FIRST[6]!];
  const { code, stderr } = await afterbell(['backfill', '--flat-files', folder, ...range], env);
  expect(code, stderr).toBe(0);
  return env;
}

async function ask(env: Record<string, string>, sql: string): Promise<Record<string, unknown>[]> {
  const { code, stdout, stderr } = await afterbell(['query', sql, '--json'], env);
  expect(code, stderr).toBe(0);
  return JSON.parse(stdout);
}

const total = (refused: Record<string, number>) => Object.values(refused).reduce((sum, count) => sum + count, 0);

test('a lake of the original layout is inspected, stored, counted and verified; its own rows stay', async () => {
  const env = await realHome();
  const home = env.AFTERBELL_HOME!;
  const from = await usualLake();
  const before = lakeFiles(home);
  const looked = await afterbell(['import', '--original', from, '--dry-run'], env);
  expect(looked.code, looked.stderr).toBe(0);
  // 41 sessions a symbol, and five rows of AAA besides.
  expect(looked.stdout).toContain('3 symbols in 5 files');
  expect(looked.stdout).toContain('128 rows from 2024-05-01 to 2024-07-01.');
  expect(looked.stdout).toContain('123 rows can be stored, 5 are refused');
  expect(looked.stdout).toContain('Nothing was written.');
  const unsaid = await afterbell(['import', '--original', from], env);
  expect(unsaid.code).toBe(2);
  expect(unsaid.stderr).toMatch(/nobody has said whether these prices are adjusted.*--prices raw/);
  const adjusted = await afterbell(['import', '--original', from, '--prices', 'adjusted'], env);
  expect(adjusted.code).toBe(2);
  expect(adjusted.stderr).toContain('these would be adjusted twice');
  expect(lakeFiles(home)).toEqual(before);

  const done = await afterbell(['import', '--original', from, '--prices', 'raw', '--json'], env);
  expect(done.code, done.stderr).toBe(0);
  const outcome = JSON.parse(done.stdout);
  expect(outcome).toMatchObject({ symbols: 3, resumed: 0, rows: 128, stored: 120, own: 3 });
  expect(outcome.refused).toEqual({
    'close is not above zero': 1,
    'date is no trading session': 1,
    'duplicate row': 1,
    'duplicate row with other values': 2,
  });
  expect(outcome.stored + outcome.own + total(outcome.refused)).toBe(outcome.rows);
  const found = await ask(env, 'SELECT symbol, source, count(*) AS rows FROM bars GROUP BY ALL ORDER BY ALL');
  expect(found).toEqual([
    { symbol: 'AAA', source: 'flat-files', rows: 3 },
    { symbol: 'AAA', source: 'original', rows: 39 },
    { symbol: 'BRK.B', source: 'original', rows: 41 },
    { symbol: 'KIMpL', source: 'original', rows: 40 },
    { symbol: 'NEW', source: 'flat-files', rows: 3 },
  ]);
  const days = [FIRST[1], FIRST[3], FIRST[5], '2024-07-01'].map((day) => `'${day}'`).join(', ');
  const closes = await ask(env, `SELECT close FROM bars WHERE symbol = 'AAA' AND date IN (${days}) ORDER BY date`);
  // The last row of a day, the later file, the lake's own session, a date file alone.
  expect(closes.map(({ close }) => close)).toEqual([99, 55, 71, 30]);
  expect(await ask(env, 'SELECT sum(bars) AS bars FROM bars_3d')).toEqual([{ bars: 126 }]);
  const verified = await afterbell(['verify'], env);
  expect(verified.code, verified.stdout).toBe(0);

  const after = lakeFiles(home);
  const again = await afterbell(['import', '--original', from, '--prices', 'raw'], env);
  expect(again.code, again.stderr).toBe(0);
  expect(again.stdout).toContain(
    '128 rows read = 120 stored + 3 of days that the lake has a row of its own of + 5 refused',
  );
  expect(again.stdout).toContain('3 symbols had been stored by an earlier run.');
  expect(lakeFiles(home)).toEqual(after);
});

test('an empty data directory takes a lake of the original layout, from a bucket too, and holds real data from then on', async () => {
  const from = await usualLake();
  const env = { AFTERBELL_HOME: join(scratch(), 'home') };
  const s3 = await startLoopbackS3();
  afterThisTest(() => s3.close());
  const keysIn = {
    AWS_ENDPOINT_URL_S3: s3.url,
    AWS_ACCESS_KEY_ID: 'a',
    AWS_SECRET_ACCESS_KEY: 'b',
    AWS_REGION: 'us-east-1',
  };
  for (const entry of readdirSync(from, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    const url = new URL(`/old-bucket/lake/${relative(from, path)}`, s3.url);
    await fetch(url, { method: 'PUT', body: readFileSync(path) });
  }
  const done = await afterbell(['import', '--original', 's3://old-bucket/lake', '--prices', 'raw'], {
    ...env,
    ...keysIn,
  });
  expect(done.code, done.stderr).toBe(0);
  expect(done.stdout).toContain('128 rows read = 123 stored + 5 refused; each was read back and compared.');
  expect(await ask(env, 'SELECT count(*) AS bars FROM bars')).toEqual([{ bars: 123 }]);
  expect(JSON.parse(readFileSync(join(env.AFTERBELL_HOME, 'lake/processing_metadata/lake.json'), 'utf8'))).toEqual({
    kind: 'real',
  });
  expect(existsSync(join(env.AFTERBELL_HOME, 'practice.json'))).toBe(false);
  expect((await afterbell(['verify'], env)).code).toBe(0);

  const practice = { AFTERBELL_HOME: await warmHome() };
  const refused = await afterbell(['import', '--original', from, '--prices', 'raw'], practice);
  expect(refused.code).toBe(1);
  expect(refused.stderr).toContain('Lake.WrongKind');
});

test('an import that was stopped goes on where it was', async () => {
  const many = Object.fromEntries(
    Array.from({ length: 150 }, (_, place) => [
      `symbol=S${place}X/data.parquet`,
      history(`S${place}X`, FIRST.slice(0, 3)),
    ]),
  );
  const from = await originalLake(many);
  const env = { AFTERBELL_HOME: join(scratch(), 'home') };
  const bronze = join(env.AFTERBELL_HOME, 'lake/bronze/raw_ohlcv');
  const { child, ended } = started(['import', '--original', from, '--prices', 'raw'], { ...env, MAX_WORKERS: '1' });
  while (!existsSync(bronze) || readdirSync(bronze).length < 5) await new Promise((resolve) => setTimeout(resolve, 1));
  child.kill('SIGTERM');
  await ended;
  const there = readdirSync(bronze).length;
  const done = await afterbell(['import', '--original', from, '--prices', 'raw', '--json'], env);
  expect(done.code, done.stderr).toBe(0);
  const { resumed, stored, rows } = JSON.parse(done.stdout);
  expect([stored, rows]).toEqual([450, 450]);
  expect(resumed).toBeGreaterThan(0);
  expect(resumed).toBeLessThanOrEqual(there);
  expect(await ask(env, 'SELECT count(*) AS bars, count(DISTINCT symbol) AS symbols FROM bars')).toEqual([
    { bars: 450, symbols: 150 },
  ]);
  expect((await afterbell(['verify'], env)).code).toBe(0);
});

test('what is no lake of the original layout is named, and nothing that is stored changes', async () => {
  const env = await realHome();
  const home = env.AFTERBELL_HOME!;
  const good = history('AAA', FIRST);
  const file = async (select: string, name = 'symbol=BBB/data.parquet') =>
    originalLake({ 'symbol=AAA/data.parquet': good, [name]: select });
  const half = await file(history('BBB', FIRST));
  const path = join(half, 'bronze/raw_ohlcv/symbol=BBB/data.parquet');
  writeFileSync(path, readFileSync(path).subarray(0, 400));
  const empty = scratch();
  const apart = join(scratch(), 'copy');
  cpSync(join(home, 'lake'), apart, { recursive: true });
  const cases: [string, string, RegExp][] = [
    ['a place that is not there', '/nowhere/at/all', /is no lake of the original layout/],
    ['an empty folder', empty, /is no lake of the original layout; found no file/],
    ['another store', 'https://host/lake', /names no store we know/],
    ['a lake of afterbell', apart, /is a lake of afterbell itself/],
    ['its own lake', join(home, 'lake'), /a lake is not imported into itself/],
    [
      'half a file',
      half,
      /Data.Invalid: .*symbol=BBB\/data.parquet is no file of the original layout; found 400 bytes that do not read as Parquet/,
    ],
    ['foreign columns', await file('SELECT 1 AS a, 2 AS b'), /symbol=BBB\/data.parquet .*found columns a, b/],
    [
      'prices as text',
      await file(`SELECT * REPLACE (close::TEXT AS close) FROM (${history('BBB', FIRST)})`),
      /found close as string/,
    ],
    [
      'times without a unit',
      await file(`SELECT * REPLACE (epoch(timestamp)::BIGINT AS timestamp) FROM (${history('BBB', FIRST)})`),
      /timestamp as bigint, which has no unit/,
    ],
    [
      'two symbols in a file',
      await file(`${history('BBB', FIRST)} UNION ALL ${history('CCC', FIRST)}`),
      /bars of BBB, CCC/,
    ],
    [
      'one symbol in two folders',
      await file(history('AAA', FIRST), 'symbol=A-A/data.parquet'),
      /two folders have bars of AAA/,
    ],
    [
      'no usable row',
      await originalLake({ 'symbol=AAA/data.parquet': bars('AAA', [['2024-05-04', 20]]) }),
      /has no row that could be stored/,
    ],
  ];
  const before = lakeFiles(home);
  for (const [what, place, message] of cases) {
    const { code, stderr } = await afterbell(['import', '--original', place, '--prices', 'raw'], env);
    expect(stderr, what).toMatch(message);
    expect(code, what).toBeGreaterThan(0);
    expect(stderr, what).not.toMatch(/\n\s+at /);
  }
  expect(lakeFiles(home)).toEqual(before);
});
