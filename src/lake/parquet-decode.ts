import { crc32 } from 'node:zlib';
import { type Arena, type Column, type ColumnData, physicalType } from './parquet.ts';
import { readHybrid, readStruct, type ThriftStruct, type ThriftValue, type Wanted } from './parquet-bits.ts';

const MAGIC = Buffer.from('PAR1');

/** Thrown when a page's bytes are not those that were written. */
export class ChecksumError extends Error {}

/** Of a footer and of a page's header what a reader of our own files needs: statistics are most of the rest. */
const FOOTER: Wanted = { 2: true, 3: true, 4: { 1: { 3: { 4: true, 5: true, 9: true, 11: true } } } };
const PAGE: Wanted = { 1: true, 3: true, 4: true, 5: { 1: true, 2: true }, 7: { 1: true, 2: true } };

/**
 * Reads a file as encodeColumns writes it: one row group, one uncompressed page a column. Undefined for any other
 * Parquet file (and for bytes that are none): those are another reader's task.
 * @param arena for who reads many files and keeps none
 * @throws ChecksumError when the file is one of ours with a damaged page.
 */
export function decodeColumns(
  schema: readonly Column[],
  bytes: Uint8Array,
  arena?: Arena,
): Record<string, ColumnData> | undefined {
  arena?.begin(bytes.length * 2 + schema.length * 8);
  try {
    return decode(schema, bytes, arena);
  } catch (error) {
    if (error instanceof RangeError || error instanceof TypeError) return undefined;
    throw error;
  }
}

function decode(
  schema: readonly Column[],
  bytes: Uint8Array,
  arena: Arena | undefined,
): Record<string, ColumnData> | undefined {
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (file.length < 12 || file.compare(MAGIC, 0, 4, 0, 4) !== 0) return undefined;
  if (file.compare(MAGIC, 0, 4, file.length - 4) !== 0) return undefined;
  const footer = file.length - 8 - file.readUInt32LE(file.length - 8);
  if (footer < 4) return undefined;
  const meta = readStruct(file, footer, FOOTER).struct;
  const elements = (meta.get(2) as ThriftStruct[]).slice(1);
  const groups = meta.get(4) as ThriftStruct[];
  const rows = meta.get(3) as number;
  // Before anything is made of it: a row takes at least a byte, but in a file of few texts only, which is read slowly.
  if (!(rows <= file.length)) return undefined;
  if (!schema.every((column) => elements.some((element) => matches(element, column)))) return undefined;
  if (groups.length > 1 || (groups.length === 0 && rows > 0)) return undefined;
  const chunks = (groups[0]?.get(1) as ThriftStruct[] | undefined) ?? [];
  const columns: Record<string, ColumnData> = {};
  for (const column of schema) {
    const place = elements.findIndex((element) => text(element.get(4)) === column.name);
    const chunk = chunks[place]?.get(3) as ThriftStruct | undefined;
    const data = rows === 0 ? empty(column) : chunk && decodeChunk(column, file, chunk, rows, arena);
    if (data === undefined) return undefined;
    columns[column.name] = data;
  }
  return columns;
}

function matches(element: ThriftStruct, column: Column): boolean {
  return (
    text(element.get(4)) === column.name &&
    element.get(1) === physicalType(column) &&
    element.get(3) === (column.nullable ? 1 : 0) &&
    // A TIMESTAMP of another unit has the same physical type and would be read a thousand times too large.
    (column.type !== 'timestamp' || isMicros(element.get(10)))
  );
}

function isMicros(logical: ThriftValue | undefined): boolean {
  const unit = ((logical as ThriftStruct | undefined)?.get(8) as ThriftStruct | undefined)?.get(2);
  return (unit as ThriftStruct | undefined)?.has(2) === true;
}

function decodeChunk(
  column: Column,
  file: Buffer,
  chunk: ThriftStruct,
  rows: number,
  arena: Arena | undefined,
): ColumnData | undefined {
  if (chunk.get(4) !== 0 || chunk.get(5) !== rows) return undefined;
  const data = readPage(file, chunk.get(9) as number);
  if (data.header.get(1) !== 0 || data.detail?.get(1) !== rows) return undefined;
  if (column.type === 'text') {
    const at = chunk.get(11) as number | undefined;
    if (at === undefined || data.detail.get(2) !== 8) return undefined;
    const values = readTexts(readPage(file, at));
    const codes = readHybrid(data.payload.subarray(1), data.payload[0]!, rows, int32s(rows, arena));
    let highest = 0;
    for (let row = 0; row < rows; row++) if (codes[row]! > highest) highest = codes[row]!;
    if (highest >= values.length) throw new RangeError('a code without a text');
    return { values, codes };
  }
  if (data.detail.get(2) !== 0) return undefined;
  if (!column.nullable) return plain(column, data.payload, rows, arena);
  const size = data.payload.readUInt32LE(0);
  const levels = readHybrid(data.payload.subarray(4, 4 + size), 1, rows);
  let present = 0;
  for (let row = 0; row < rows; row++) present += levels[row]!;
  const values = plain(column, data.payload.subarray(4 + size), present, arena) as Float64Array;
  if (present === rows) return values;
  const all = new Float64Array(rows).fill(Number.NaN);
  for (let row = 0, next = 0; row < rows; row++) if (levels[row] === 1) all[row] = values[next++]!;
  return all;
}

interface ReadPage {
  header: ThriftStruct;
  detail: ThriftStruct | undefined;
  payload: Buffer;
}

function readPage(file: Buffer, offset: number): ReadPage {
  const { struct: header, end } = readStruct(file, offset, PAGE);
  const size = header.get(3) as number;
  if (end + size > file.length - 8) throw new RangeError('a page beyond the end');
  const payload = file.subarray(end, end + size);
  const crc = header.get(4) as number | undefined;
  if (crc !== undefined && (crc32(payload) | 0) !== crc) throw new ChecksumError('a page does not have its checksum');
  return { header, detail: (header.get(5) ?? header.get(7)) as ThriftStruct | undefined, payload };
}

function readTexts({ payload, detail }: ReadPage): string[] {
  const values: string[] = [];
  for (let at = 0, count = detail?.get(1) as number; values.length < count; ) {
    const size = payload.readUInt32LE(at);
    values.push(payload.toString('utf8', at + 4, at + 4 + size));
    at += 4 + size;
  }
  return values;
}

function int32s(rows: number, arena: Arena | undefined): Int32Array<ArrayBuffer> {
  const room = arena?.take(rows * 4);
  return room ? new Int32Array(room.memory, room.at, rows) : new Int32Array(rows);
}

function plain({ type }: Column, payload: Buffer, rows: number, arena: Arena | undefined): ColumnData {
  if (type === 'boolean' && payload.length * 8 < rows) throw new RangeError('a page shorter than its rows');
  if (type === 'boolean') return Uint8Array.from({ length: rows }, (_, row) => (payload[row >> 3]! >> (row & 7)) & 1);
  const width = type === 'date' || type === 'integer' ? 4 : 8;
  if (payload.length < rows * width) throw new RangeError('a page shorter than its rows');
  // A copy, because a page begins anywhere and typed arrays only at multiples of their width.
  const { memory, at } = arena?.take(rows * width) ?? { memory: new ArrayBuffer(rows * width), at: 0 };
  new Uint8Array(memory, at, rows * width).set(payload.subarray(0, rows * width));
  if (width === 4) return new Int32Array(memory, at, rows);
  if (type === 'timestamp') return new BigInt64Array(memory, at, rows);
  if (type === 'double') return new Float64Array(memory, at, rows);
  const halves = new Int32Array(memory, at, rows * 2);
  const room = arena?.take(rows * 8);
  const values = room ? new Float64Array(room.memory, room.at, rows) : new Float64Array(rows);
  for (let i = 0; i < rows; i++) {
    const high = halves[2 * i + 1]!;
    values[i] = high === 0 ? halves[2 * i]! >>> 0 : high * 2 ** 32 + (halves[2 * i]! >>> 0);
  }
  return values;
}

function empty({ type }: Column): ColumnData {
  if (type === 'text') return { values: [], codes: new Int32Array() };
  if (type === 'boolean') return new Uint8Array();
  if (type === 'date' || type === 'integer') return new Int32Array();
  return type === 'timestamp' ? new BigInt64Array() : new Float64Array();
}

function text(value: ThriftValue | undefined): string {
  return Buffer.from(value as Uint8Array).toString('utf8');
}
