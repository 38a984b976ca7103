import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Column, type ColumnType, decodeRows, encodeRows, type Row } from '../../src/lake/parquet.ts';
import { temporaryFolder } from '../local/programs.ts';

const TYPES: ColumnType[] = ['text', 'date', 'double', 'bigint', 'integer', 'boolean', 'timestamp'];
const COLUMNS: Column[] = TYPES.flatMap((type) => [
  { name: type, type },
  { name: `${type}_or_not`, type, nullable: true },
]);
const NAMES = COLUMNS.map(({ name }) => name);

const instant = fc.date({ min: new Date('1900-01-01'), max: new Date('2200-01-01'), noInvalidDate: true });
const VALUES: Record<ColumnType, fc.Arbitrary<string | number | boolean>> = {
  text: fc.string({ unit: 'binary' }),
  date: instant.map((date) => date.toISOString().slice(0, 10)),
  double: fc.double({ noNaN: true }),
  bigint: fc.maxSafeInteger(),
  integer: fc.integer(),
  boolean: fc.boolean(),
  timestamp: instant.map((date) => date.toISOString()),
};
const row = fc.record(
  Object.fromEntries(
    COLUMNS.map(({ name, type, nullable }) => [name, nullable ? fc.option(VALUES[type]) : VALUES[type]]),
  ),
) as fc.Arbitrary<Row>;

test('rows come back as they went in', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(row, { maxLength: 40 }), async (rows) => {
      const back = await decodeRows(encodeRows(COLUMNS, rows), 'x', NAMES);
      expect(back.map((one) => NAMES.map((name) => one[name]))).toEqual(
        rows.map((one) => NAMES.map((name) => one[name])),
      );
    }),
    { numRuns: 60 },
  );
});

test('the same rows give the same bytes', () => {
  fc.assert(
    fc.property(fc.array(row, { maxLength: 20 }), (rows) => {
      const again = rows.map((one) => Object.fromEntries(Object.entries(one).reverse()));
      expect(Buffer.compare(encodeRows(COLUMNS, rows), encodeRows(COLUMNS, again))).toBe(0);
    }),
    { numRuns: 30 },
  );
});

test('a file cut off anywhere is Lake.Corrupt and names its key', async () => {
  const bytes = encodeRows(COLUMNS, fc.sample(row, { numRuns: 30, seed: 1 }));
  const key = 'bronze/sessions/date=2025-11-19/bars.parquet';
  await fc.assert(
    fc.asyncProperty(fc.nat(bytes.length - 1), async (length) => {
      await expect(decodeRows(bytes.subarray(0, length), key, NAMES)).rejects.toMatchObject({
        name: 'Lake.Corrupt',
        message: expect.stringContaining(key),
      });
    }),
    { numRuns: 50 },
  );
});

test('text and a zeroed file are Lake.Corrupt', async () => {
  for (const bytes of [Buffer.from('{"not":"parquet"}'), Buffer.alloc(4096), Buffer.from('PAR1PAR1')]) {
    await expect(decodeRows(bytes, 'k', NAMES)).rejects.toMatchObject({ name: 'Lake.Corrupt' });
  }
});

test('a file without a wanted column is Lake.Corrupt and says which', async () => {
  const bytes = encodeRows([{ name: 'symbol', type: 'text' }], [{ symbol: 'A' }]);
  await expect(decodeRows(bytes, 'k', ['symbol', 'close'])).rejects.toMatchObject({
    name: 'Lake.Corrupt',
    message: expect.stringContaining('close missing'),
  });
});

test('DuckDB reads the same types and values', async () => {
  const rows = fc.sample(row, { numRuns: 200, seed: 7 });
  // DuckDB ends text at a zero byte; no vendor sends one.
  for (const one of rows)
    for (const name of ['text', 'text_or_not']) one[name] = (one[name] as string | null)?.replaceAll('\0', '') ?? null;
  for (const one of rows) one.text ??= '';
  const path = join(temporaryFolder(), 'x.parquet');
  writeFileSync(path, encodeRows(COLUMNS, rows));
  const instance = await DuckDBInstance.create(':memory:', { autoinstall_known_extensions: 'false' });
  const connection = await instance.connect();
  const types = await connection.runAndReadAll(`DESCRIBE SELECT * FROM read_parquet('${path}')`);
  expect(
    types
      .getRows()
      .map(([name, type]) => `${name} ${type}`)
      .filter((line) => !line.includes('_or_not')),
  ).toEqual([
    'text VARCHAR',
    'date DATE',
    'double DOUBLE',
    'bigint BIGINT',
    'integer INTEGER',
    'boolean BOOLEAN',
    'timestamp TIMESTAMP',
  ]);
  const day = (name: string) => `strftime(${name}, '%Y-%m-%d')`;
  const moment = (name: string) => `strftime(${name}, '%Y-%m-%dT%H:%M:%S.%gZ')`;
  const shown = COLUMNS.map(({ name, type }) => {
    if (type === 'date') return day(name);
    if (type === 'timestamp') return moment(name);
    return type === 'bigint' ? `${name}::DOUBLE` : name;
  });
  const read = await connection.runAndReadAll(`SELECT ${shown.join(', ')} FROM read_parquet('${path}')`);
  expect(read.getRows()).toEqual(rows.map((one) => NAMES.map((name) => one[name])));
  connection.closeSync();
  instance.closeSync();
});
