import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { decodeRows } from '../../src/lake/parquet.ts';
import { afterbell } from './command.ts';
import { HELD, scratch, warmHome } from './scene.ts';

const SQL = `SELECT symbol, date, close, volume FROM bars WHERE date = '${HELD.last}' ORDER BY symbol`;

let env: { AFTERBELL_HOME: string };
let rows: Record<string, unknown>[];
beforeAll(async () => {
  env = { AFTERBELL_HOME: await warmHome() };
  rows = JSON.parse((await afterbell(['query', SQL, '--json'], env)).stdout);
  expect(rows.length).toBeGreaterThan(50);
});

/** Cells of a CSV file without quotes, the numbers as numbers. */
const cellsOf = (text: string) =>
  text
    .trimEnd()
    .split('\n')
    .map((line) => line.split(',').map((cell) => (/^[\d.]+$/.test(cell) ? Number(cell) : cell)));

test('--csv writes every row to a file, and says how many', async () => {
  const file = join(scratch(), "it's.csv");
  const said = await afterbell(['query', SQL, '--csv', file], env);
  expect(said).toMatchObject({ code: 0, stdout: `${rows.length} rows written to ${file}\n` });
  expect(cellsOf(readFileSync(file, 'utf8'))).toEqual([Object.keys(rows[0]!), ...rows.map(Object.values)]);
});

test('--parquet keeps the types, and a folder of no partitions reads it', async () => {
  const file = join(scratch(), 'bars.parquet');
  const said = await afterbell(['query', SQL, '--parquet', file, '--json'], env);
  expect(JSON.parse(said.stdout)).toEqual({ file, rows: rows.length });
  const stored = await decodeRows(readFileSync(file), file, ['symbol', 'date', 'close']);
  expect(stored.map(({ symbol, close }) => [symbol, close])).toEqual(rows.map(({ symbol, close }) => [symbol, close]));
});

test('what is no single SELECT is written all the same', async () => {
  const file = join(scratch(), 'pivot.csv');
  const first = rows[0]!.symbol;
  const pivot = `PIVOT (SELECT date, symbol, close FROM bars WHERE symbol = '${first}') ON symbol USING max(close) ORDER BY date; -- done`;
  const said = await afterbell(['query', pivot, '--csv', file], env);
  expect(said).toMatchObject({ code: 0, stdout: `${HELD.count} rows written to ${file}\n` });
  expect(readFileSync(file, 'utf8')).toMatch(new RegExp(`^date,${first}\\n2025-11-07,`));
});

test('a file that is there stays unless --force is given, and a failure leaves nothing', async () => {
  const folder = scratch();
  const file = join(folder, 'bars.csv');
  writeFileSync(file, 'mine');
  const refused = await afterbell(['query', SQL, '--csv', file], env);
  expect(refused).toMatchObject({ code: 2, stdout: '' });
  expect(refused.stderr).toBe(
    `Usage.Invalid: ${file} exists; wanted a path where there is no file. Name another one, or replace it with --force.\n`,
  );
  expect(readFileSync(file, 'utf8')).toBe('mine');
  const failed = await afterbell(['query', 'SELECT * FROM barz', '--csv', file, '--force'], env);
  expect(failed.code).toBe(2);
  expect(failed.stderr).toMatch(/^Usage\.Invalid: .*barz.*views of the lake: bars, sessions, /s);
  expect(readFileSync(file, 'utf8')).toBe('mine');
  expect((await afterbell(['query', SQL, '--csv', file, '--force'], env)).code).toBe(0);
  expect(readFileSync(file, 'utf8')).toMatch(/^symbol,date,close,volume\n/);
  expect(readdirSync(folder)).toEqual(['bars.csv']);
});

test('no file is written but the one that is named', async () => {
  const [file, other] = [join(scratch(), 'a.csv'), join(scratch(), 'b.csv')];
  for (const sql of [`COPY (SELECT 1) TO '${other}'`, `SELECT 1) TO '${other}'; SELECT (1`]) {
    expect((await afterbell(['query', sql, '--csv', file], env)).code).toBe(2);
    expect([existsSync(file), existsSync(other)]).toEqual([false, false]);
  }
});

test('--output has three forms; csv is what --csv writes', async () => {
  const file = join(scratch(), 'bars.csv');
  await afterbell(['query', SQL, '--csv', file], env);
  expect((await afterbell(['query', SQL, '--output', 'csv'], env)).stdout).toBe(readFileSync(file, 'utf8'));
  expect(JSON.parse((await afterbell(['query', SQL, '--output', 'json'], env)).stdout)).toEqual(rows);
  expect((await afterbell(['query', SQL, '--output', 'table'], env)).stdout).toMatch(/^symbol +date +close +volume\n/);
  const none = await afterbell(['query', 'SELECT symbol FROM bars WHERE false', '--output', 'csv'], env);
  expect(none.stdout).toBe('symbol\n');
});

test('the warehouse answers in CSV, too', async () => {
  const file = join(scratch(), 'prices.csv');
  const sql = "SELECT 'a,\"b\"' AS text, NULL AS nothing, '' AS empty, 1.50 AS number";
  await afterbell(['query', '--warehouse', sql, '--csv', file], env);
  expect(readFileSync(file, 'utf8')).toBe('text,nothing,empty,number\n"a,""b""",,"",1.5\n');
  expect((await afterbell(['query', '--warehouse', sql, '--output', 'csv'], env)).stdout).toBe(
    readFileSync(file, 'utf8'),
  );
});

test.each([
  [['--output', 'xml'], '--output xml is unknown; wanted table, json, csv'],
  [['--output', 'csv', '--json'], '--json and --output csv exclude each other'],
  [['--csv', 'a', '--parquet', 'b'], 'the rows can go to one place'],
  [['--force'], '--force goes with --csv FILE or --parquet FILE'],
  [['--warehouse', '--parquet', 'a'], '--parquet is for the lake'],
  [['--csv', '/nowhere/at/all.csv'], 'there is no folder /nowhere/at'],
  [['--csv', '/tmp'], '/tmp is no file'],
])('%j is bad usage', async (args, message) => {
  const said = await afterbell(['query', 'SELECT 1', ...args], env);
  expect(said.code).toBe(2);
  expect(said.stderr).toContain(message);
});

test('views that hide from a look at the text are found all the same', async () => {
  const hidden = `FROM query_table('ba' || 'rs') WHERE date = '${HELD.last}'`;
  expect(JSON.parse((await afterbell(['query', hidden, '--json'], env)).stdout)).toHaveLength(rows.length);
  const quoted = 'SELECT count(*) AS sessions FROM "calendar" WHERE held';
  expect(JSON.parse((await afterbell(['query', quoted, '--json'], env)).stdout)).toEqual([{ sessions: HELD.count }]);
  const over = await afterbell(
    ['query', 'SELECT count(*) AS n FROM missing_sessions; SELECT count(*) AS n FROM index_members'],
    env,
  );
  expect(over.code).toBe(0);
});
