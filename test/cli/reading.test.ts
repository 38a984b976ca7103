import { existsSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import { beforeAll, expect, test } from 'vitest';
import { runReading, symbolsAsked } from '../../src/cli/reading.ts';

let connection: DuckDBConnection;
const file = join(mkdtempSync(join(tmpdir(), 'reading-')), 'written');
beforeAll(async () => {
  connection = await (await DuckDBInstance.create(':memory:')).connect();
  await connection.run("CREATE TABLE t AS SELECT 'A' AS symbol, 1 AS close");
});

test.each([
  'SELECT * FROM t',
  'FROM t;',
  '-- a word first\nWITH x AS (SELECT 1) SELECT * FROM x',
  'VALUES (1)',
  'SHOW TABLES',
  'DESCRIBE t',
  'SUMMARIZE t',
  'EXPLAIN SELECT 1',
  'PRAGMA show_tables',
  'PIVOT t ON symbol USING sum(close)',
  'SELECT 1; SELECT 2',
])('%s reads', async (sql) => {
  expect((await runReading(connection, sql)).currentRowCount).toBeGreaterThan(0);
});

test.each([
  `COPY (SELECT 1) TO '${file}'`,
  `SELECT 1; COPY (SELECT 1) TO '${file}'`,
  `EXPLAIN ANALYZE COPY (SELECT 1) TO '${file}'`,
  `explain /* */ (analyze) COPY (SELECT 1) TO '${file}'`,
  `ATTACH '${file}'`,
  'INSTALL httpfs',
  'LOAD httpfs',
  `PRAGMA profiling_output='${file}'`,
  'SET memory_limit = "1GB"',
  'CREATE TABLE u AS SELECT 1',
  'DELETE FROM t',
  '',
  ' ; -- nothing',
])('%s is refused and writes nothing', async (sql) => {
  await expect(runReading(connection, sql)).rejects.toMatchObject({
    name: 'Usage.Invalid',
    message: expect.stringContaining('query reads only'),
  });
  expect(existsSync(file)).toBe(false);
});

test.each<[string, string[] | undefined]>([
  ["SELECT close FROM bars WHERE symbol = 'AAPL' ORDER BY date DESC LIMIT 5;", ['AAPL']],
  ["FROM bars b WHERE b.symbol IN ('A', 'O''K') AND date > '2025-01-01'", ['A', "O'K"]],
  ["SELECT * FROM bars WHERE symbol = 'A' OR symbol = 'B'", undefined],
  ["SELECT * FROM bars WHERE symbol <> 'A'", undefined],
  ["SELECT * FROM bars WHERE NOT symbol = 'A'", undefined],
  ["SELECT * FROM bars WHERE upper(symbol) = 'A'", undefined],
  ["SELECT * FROM bars WHERE symbol = 'A' AND close > (SELECT avg(close) FROM bars)", undefined],
  ["SELECT * FROM bars a JOIN bars b USING (date) WHERE a.symbol = 'A'", undefined],
  ["SELECT * FROM bars AS b(date, symbol) WHERE symbol = 'A'", undefined],
  ["WITH bars AS (SELECT 'A' AS symbol) SELECT * FROM bars WHERE symbol = 'A'", undefined],
  ["SELECT * FROM sessions WHERE symbol = 'A'", undefined],
  ["SELECT 1; SELECT * FROM bars WHERE symbol = 'A'", undefined],
  ['SELECT * FROM bars', undefined],
  ['no SQL', undefined],
])('%s can only be about %j', async (sql, symbols) => {
  expect(await symbolsAsked(connection, sql)).toEqual(symbols);
});
