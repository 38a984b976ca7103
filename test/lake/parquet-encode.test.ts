import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Column, type ColumnData, decodeRows, encodeRows, textOf } from '../../src/lake/parquet.ts';
import { readColumns } from '../../src/lake/parquet-columns.ts';
import { decodeColumns } from '../../src/lake/parquet-decode.ts';
import { encodeColumns } from '../../src/lake/parquet-encode.ts';

const SCHEMA: Column[] = [
  { name: 'word', type: 'text' },
  { name: 'day', type: 'date' },
  { name: 'count', type: 'integer' },
  { name: 'price', type: 'double' },
  { name: 'maybe', type: 'double', nullable: true },
  { name: 'trades', type: 'bigint', nullable: true },
  { name: 'total', type: 'bigint' },
  { name: 'at', type: 'timestamp' },
  { name: 'done', type: 'boolean' },
];

const whole = fc.integer({ min: -(2 ** 52), max: 2 ** 52 });
const double = fc.double({ noNaN: true, noDefaultInfinity: true });
const row = fc.record({
  word: fc.oneof(fc.constantFrom('AAPL', 'BRK.B', 'Zürich'), fc.string({ unit: 'grapheme', maxLength: 6 })),
  day: fc.integer({ min: -3000, max: 30000 }),
  count: fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
  price: double,
  maybe: fc.option(double),
  trades: fc.option(whole),
  total: whole,
  at: fc.bigInt({ min: -(2n ** 50n), max: 2n ** 52n }),
  done: fc.boolean(),
});
type Row = typeof row extends fc.Arbitrary<infer R> ? R : never;
const rowsOf = fc.oneof(
  fc.array(row, { maxLength: 40 }),
  // Long stretches of one value are what the run-length side of the codes is for.
  fc.array(row, { minLength: 1, maxLength: 3 }).map((some) => some.flatMap((one) => new Array<Row>(90).fill(one))),
);

function columnsOf(rows: readonly Row[]): Record<string, ColumnData> {
  const gap = (value: number | null) => value ?? Number.NaN;
  return {
    word: textOf(rows.map((r) => r.word)),
    day: Int32Array.from(rows, (r) => r.day),
    count: Int32Array.from(rows, (r) => r.count),
    price: Float64Array.from(rows, (r) => r.price),
    maybe: Float64Array.from(rows, (r) => gap(r.maybe)),
    trades: Float64Array.from(rows, (r) => gap(r.trades)),
    total: Float64Array.from(rows, (r) => r.total),
    at: BigInt64Array.from(rows, (r) => r.at),
    done: Uint8Array.from(rows, (r) => Number(r.done)),
  };
}

describe('encodeColumns', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'columns-'));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test('what is written comes back, and the same columns give the same bytes', () => {
    fc.assert(
      fc.property(rowsOf, (rows) => {
        const columns = columnsOf(rows);
        const bytes = encodeColumns(SCHEMA, columns);
        expect(decodeColumns(SCHEMA, bytes)).toEqual(columns);
        expect(Buffer.compare(encodeColumns(SCHEMA, columnsOf(rows)), bytes)).toBe(0);
      }),
      { numRuns: 200 },
    );
  });

  test('hyparquet reads the same rows', async () => {
    await fc.assert(
      fc.asyncProperty(rowsOf, async (rows) => {
        const read = await decodeRows(encodeColumns(SCHEMA, columnsOf(rows)), 'test', []);
        expect(read.map(({ word, price, maybe, trades, total, done }) => ({ word, price, maybe, trades, total, done })))
          // -0 and 0 are one value to a lake.
          .toEqual(
            rows.map(({ word, price, maybe, trades, total, done }) => ({ word, price, maybe, trades, total, done })),
          );
      }),
      { numRuns: 60 },
    );
  });

  test('DuckDB reads the same rows, types and statistics', async () => {
    const sample = fc.sample(row, { numRuns: 3000, seed: 7 }).map((r, i) => ({ ...r, word: `S${i % 700}` }));
    const path = join(folder, 'sample.parquet').replaceAll("'", "''");
    writeFileSync(path, encodeColumns(SCHEMA, columnsOf(sample)));
    const connection = await (await DuckDBInstance.create(':memory:')).connect();
    const ask = async (sql: string) => (await connection.runAndReadAll(sql)).getRowsJson();
    expect(await ask(`SELECT column_name, column_type FROM (DESCRIBE SELECT * FROM '${path}')`)).toEqual([
      ['word', 'VARCHAR'],
      ['day', 'DATE'],
      ['count', 'INTEGER'],
      ['price', 'DOUBLE'],
      ['maybe', 'DOUBLE'],
      ['trades', 'BIGINT'],
      ['total', 'BIGINT'],
      ['at', 'TIMESTAMP'],
      ['done', 'BOOLEAN'],
    ]);
    const rows = await ask(
      `SELECT word, datediff('day', DATE '1970-01-01', day)::INTEGER, count, price, maybe, trades::DOUBLE, epoch_us("at")::VARCHAR, done FROM '${path}'`,
    );
    expect(rows).toEqual(sample.map((r) => [r.word, r.day, r.count, r.price, r.maybe, r.trades, String(r.at), r.done]));
    const highest = Math.max(...sample.map((r) => r.count));
    expect(await ask(`SELECT count(*) FROM '${path}' WHERE count = ${highest}`)).not.toEqual([['0']]);
    expect(
      await ask(
        `SELECT stats_max_value, stats_null_count FROM parquet_metadata('${path}') WHERE path_in_schema = 'count'`,
      ),
    ).toEqual([[String(highest), '0']]);
  });

  test('a file of another writer is read through hyparquet to the same columns', async () => {
    const rows = fc.sample(row, { numRuns: 50, seed: 3 });
    const plain = rows.map((r) => ({
      ...r,
      day: new Date(r.day * 86_400_000).toISOString().slice(0, 10),
      at: new Date(Number(r.at / 1000n)).toISOString(),
    }));
    const expected = columnsOf(
      rows.map((r) => ({ ...r, at: BigInt(Date.parse(new Date(Number(r.at / 1000n)).toISOString())) * 1000n })),
    );
    const bytes = encodeRows(SCHEMA, plain);
    expect(decodeColumns(SCHEMA, bytes)).toBeUndefined();
    expect(await readColumns(SCHEMA, bytes, 'test')).toEqual(expected);
  });

  test('a flipped bit in a page, a cut file and a strange file are Lake.Corrupt and name the key', async () => {
    const bytes = Buffer.from(encodeColumns(SCHEMA, columnsOf(fc.sample(row, { numRuns: 60, seed: 1 }))));
    const flipped = Buffer.from(bytes);
    flipped[600]! ^= 4;
    const damaged = [
      flipped,
      bytes.subarray(0, bytes.length - 40),
      bytes.subarray(0, 3),
      Buffer.from('hello, parquet?!'),
      Buffer.alloc(0),
    ];
    for (const file of damaged) {
      await expect(readColumns(SCHEMA, file, 'bronze/x.parquet')).rejects.toMatchObject({
        name: 'Lake.Corrupt',
        message: expect.stringContaining('bronze/x.parquet'),
      });
    }
    await expect(readColumns([...SCHEMA, { name: 'missing', type: 'double' }], bytes, 'k')).rejects.toMatchObject({
      name: 'Lake.Corrupt',
    });
  });

  test('no cut of a file is read as something else', async () => {
    const bytes = encodeColumns(SCHEMA, columnsOf(fc.sample(row, { numRuns: 5, seed: 2 })));
    for (let size = 0; size < bytes.length; size += 7) {
      await expect(readColumns(SCHEMA, bytes.subarray(0, size), 'k')).rejects.toMatchObject({ name: 'Lake.Corrupt' });
    }
  });
});
