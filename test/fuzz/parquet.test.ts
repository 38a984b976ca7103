import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import fc from 'fast-check';
import { afterAll, beforeAll, expect } from 'vitest';
import { decodeBarColumns } from '../../src/lake/bar-table.ts';
import { keys } from '../../src/lake/lake.ts';
import { decodeRows, encodeRows, textOf } from '../../src/lake/parquet.ts';
import { decodeBars, encodeBars } from '../../src/lake/session-files.ts';
import { decodeSilver, encodeSilver } from '../../src/lake/silver.ts';
import { readSplits } from '../../src/lake/splits-list.ts';
import { encodeSymbolHistory, readSymbolHistory } from '../../src/lake/symbol-history-file.ts';
import { MemoryLake } from '../lake/memory-lake.ts';
import { bar, originalBytes } from '../lake/published.ts';
import { temporaryFolder } from '../local/programs.ts';
import { bytesLike, door } from './door.ts';

const DATE = '2025-11-19';
const BARS = Array.from({ length: 60 }, (_, row) => bar(`S${row % 20}`, DATE, row));
const OURS = encodeBars(BARS);

/** Files of other writers, made by the beginning of the tests. */
const foreign: Uint8Array[] = [];
const folder = temporaryFolder();

async function otherWriters(): Promise<void> {
  const instance = await DuckDBInstance.create(':memory:');
  const connection = await instance.connect();
  const columns = `symbol, date '${DATE}' AS date, 10.5 AS open, 12.25 AS high, 9.5 AS low, 11 AS close, 1e6 AS volume,
    CASE WHEN i % 3 = 0 THEN NULL ELSE 10.75 END::DOUBLE AS vwap, CASE WHEN i % 5 = 0 THEN NULL ELSE i END AS transactions,
    'other' AS source, timestamp '2025-11-19 23:00:00' AS ingested_at`;
  const typed = columns.replace(/(\d+(?:\.\d+)?|1e6) AS (open|high|low|close|volume)/g, '$1::DOUBLE AS $2');
  const select = `SELECT ${typed} FROM (SELECT i, 'S' || i % 20 AS symbol FROM range(60) t(i))`;
  for (const [place, options] of [
    'COMPRESSION uncompressed',
    'COMPRESSION snappy',
    'COMPRESSION zstd',
    'COMPRESSION gzip',
    'COMPRESSION brotli',
    'COMPRESSION lz4_raw',
    'COMPRESSION uncompressed, PARQUET_VERSION v2',
    'COMPRESSION snappy, ROW_GROUP_SIZE 20',
  ].entries()) {
    const path = join(folder, `${place}.parquet`);
    await connection.run(`COPY (${select}) TO '${path}' (FORMAT parquet, ${options})`);
    foreign.push(readFileSync(path));
  }
  connection.closeSync();
  instance.closeSync();
  foreign.push(originalBytes(BARS.slice(0, 5)));
}
await otherWriters();

const READABLE = { bars: 0 };
beforeAll(async () => {
  for (const bytes of foreign.slice(0, -1)) expect((await decodeBars(bytes, 'foreign')).length).toBe(60);
  expect(await decodeBars(OURS, 'ours')).toEqual(BARS);
});
afterAll(() => expect(READABLE.bars).toBeGreaterThan(0));

async function readBars(bytes: Uint8Array): Promise<void> {
  const key = keys.session(DATE);
  const columns = await decodeBarColumns(bytes, key);
  const bars = await decodeBars(bytes, key);
  READABLE.bars += bars.length;
  for (const data of Object.values(columns))
    expect('codes' in data ? data.codes.length : data.length).toBe(bars.length);
  for (const { symbol, source, ingestedAt } of bars)
    expect([typeof symbol, typeof source, Number.isNaN(Date.parse(ingestedAt))]).toEqual(['string', 'string', false]);
}

/** Offsets of the bytes that say how long something is, where a reader believes the most. */
function headers(bytes: Uint8Array): fc.Arbitrary<Uint8Array> {
  const place = fc.oneof(fc.nat(60), fc.integer({ min: Math.max(bytes.length - 900, 0), max: bytes.length - 1 }));
  return fc.array(fc.record({ place, value: fc.nat(255) }), { minLength: 1, maxLength: 3 }).map((edits) => {
    const copy = Uint8Array.from(bytes);
    for (const { place: at, value } of edits) copy[at % copy.length] = value;
    return copy;
  });
}

door('Parquet, bars of ours', {
  inputs: fc.oneof(bytesLike([OURS]), headers(OURS)),
  enter: readBars,
});

door('Parquet, bars of other writers', {
  inputs: fc.oneof(bytesLike(foreign), ...foreign.map(headers)),
  enter: readBars,
  kept: {
    'a page header without its length': () => changed(foreign[0]!, pageHeader(foreign[0]!) + 4, 0x25),
  },
});

function pageHeader(bytes: Uint8Array): number {
  return Buffer.from(bytes).indexOf(Buffer.from([0x15]), 4);
}

function changed(bytes: Uint8Array, place: number, value: number): Uint8Array {
  const copy = Uint8Array.from(bytes);
  copy[place] = value;
  return copy;
}

const SILVER = encodeSilver({
  symbol: textOf(['A', 'A', 'B']),
  date: Int32Array.of(20_000, 20_003, 20_000),
  window_end: Int32Array.of(20_002, 20_005, 20_002),
  open: Float64Array.of(1, 2, 3),
  high: Float64Array.of(1, 2, 3),
  low: Float64Array.of(1, 2, 3),
  close: Float64Array.of(1, 2, 3),
  volume: Float64Array.of(1, 2, 3),
  bars: Int32Array.of(3, 3, 2),
  complete: Uint8Array.of(1, 0, 1),
});
door('Parquet, N-session bars', {
  inputs: fc.oneof(bytesLike([SILVER]), headers(SILVER)),
  enter: async (bytes) => {
    const { symbol, complete } = await decodeSilver(bytes, keys.silver(3, '2025-11'));
    expect(symbol.codes.length).toBe(complete.length);
    for (const code of symbol.codes) expect(typeof symbol.values[code]).toBe('string');
  },
});

const SPLITS = encodeRows(
  [
    { name: 'symbol', type: 'text' },
    { name: 'execution_date', type: 'date' },
    { name: 'split_from', type: 'double' },
    { name: 'split_to', type: 'double' },
    { name: 'note', type: 'text', nullable: true },
  ],
  Array.from({ length: 30 }, (_, row) => ({
    symbol: `S${row}`,
    execution_date: DATE,
    split_from: 1,
    split_to: row + 2,
    note: row % 2 ? 'n' : null,
  })),
);
const HISTORY = encodeSymbolHistory(
  ['A', 'B', 'B'].map((symbol, place) => ({
    symbol,
    figi: place ? 'BBG' : undefined,
    shareClassFigi: undefined,
    validFrom: `2025-0${place + 1}-03`,
    validTo: place === 1 ? '2025-03-03' : null,
    companyFrom: `2025-0${place + 1}-03`,
    reason: 'listed',
    ending: null,
  })) as never,
);

door('Parquet, lists', {
  inputs: fc.oneof(bytesLike([SPLITS, HISTORY]), headers(SPLITS), headers(HISTORY)),
  enter: async (bytes) => {
    const rows = await decodeRows(bytes, 'a list', ['symbol']);
    for (const row of rows)
      for (const value of Object.values(row)) expect(typeof value === 'object' && value !== null).toBe(false);
    const lake = new MemoryLake();
    await lake.write(keys.snapshot('splits', DATE), bytes);
    await lake.write(keys.symbolHistory('tickers', DATE), bytes);
    const results = await Promise.allSettled([readSplits(lake), readSymbolHistory(lake)]);
    for (const result of results)
      if (result.status === 'rejected' && result.reason.name !== 'Lake.Corrupt') throw result.reason;
  },
});
