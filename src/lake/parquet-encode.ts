import { crc32 } from 'node:zlib';
import { type Column, type ColumnData, type Columns, lengthOf, physicalType, type Text } from './parquet.ts';
import { FileWriter, writeHybrid, writeRun } from './parquet-bits.ts';

const MAGIC = Buffer.from('PAR1');
const [PLAIN, RLE, RLE_DICTIONARY] = [0, 3, 8];
const [DATA_PAGE, DICTIONARY_PAGE] = [0, 2];

interface Page {
  /** The payload, in the pieces that lie one behind the other in the file. */
  parts: Uint8Array[];
  values: number;
  dictionary: boolean;
  encoding: number;
}

interface Chunk {
  pages: Page[];
  nulls: number;
  min: Uint8Array | undefined;
  max: Uint8Array | undefined;
}

/** A column's pages as they lie in the file: where they begin, where the data page does, where they end. */
interface StoredChunk {
  column: Column;
  chunk: Chunk;
  start: number;
  data: number;
  end: number;
}

/**
 * Columns as one Parquet file: one row group, one uncompressed page a column, text by dictionary, statistics, a
 * checksum a page. Why an own writer: the copy of typed arrays is some hundred times faster than a writer that takes
 * values one by one, and 4-decimal prices hardly compress. The same columns give the same bytes.
 */
export function encodeColumns(schema: readonly Column[], columns: Columns): Uint8Array {
  const bytes = encodeInto(shared, schema, columns);
  // In memory of its own, which can be handed to another thread.
  const own = Buffer.allocUnsafeSlow(bytes.length);
  own.set(bytes);
  return own;
}

const shared = new FileWriter();

/** The same in the memory of a writer, where it stays until the writer's next file. */
export function encodeInto(out: FileWriter, schema: readonly Column[], columns: Columns): Uint8Array {
  const rows = schema[0] ? lengthOf(columns[schema[0].name]!) : 0;
  out.begin();
  out.raw(MAGIC);
  const chunks: StoredChunk[] = [];
  for (const column of rows === 0 ? [] : schema) {
    const chunk = encodeColumn(column, columns[column.name]!);
    const start = out.at;
    let data = start;
    for (const page of chunk.pages) {
      if (!page.dictionary) data = out.at;
      writePage(out, page);
    }
    chunks.push({ column, chunk, start, data, end: out.at });
  }
  const footer = out.at;
  writeFooter(out, schema, rows, chunks);
  const size = Buffer.allocUnsafe(4);
  size.writeUInt32LE(out.at - footer);
  out.raw(size);
  out.raw(MAGIC);
  return out.written();
}

function encodeColumn(column: Column, data: ColumnData): Chunk {
  if ('codes' in data) return encodeText(data);
  const rows = data.length;
  const plain = (parts: Uint8Array[]): Page[] => [{ parts, values: rows, dictionary: false, encoding: PLAIN }];
  if (column.type === 'boolean') {
    const bits = new Uint8Array(Math.ceil(rows / 8));
    for (let row = 0; row < rows; row++) if (data[row]) bits[row >> 3]! |= 1 << (row & 7);
    return { pages: plain([bits]), nulls: 0, min: undefined, max: undefined };
  }
  if (!(data instanceof Float64Array)) {
    const [min, max] = range(data);
    return {
      pages: plain([bytesOf(data)]),
      nulls: 0,
      min: bytesOf(data.slice(min, min + 1)),
      max: bytesOf(data.slice(max, max + 1)),
    };
  }
  const present = column.nullable && data.some(Number.isNaN) ? data.filter((value) => !Number.isNaN(value)) : data;
  const parts = [valueBytes(column, present)];
  if (column.nullable) {
    const levels = present.length === rows ? writeRun(1, rows) : writeHybrid(Uint8Array.from(data, isValue), 1);
    const size = Buffer.alloc(4);
    size.writeUInt32LE(levels.length);
    parts.unshift(size, levels);
  }
  const [min, max] = range(present);
  return {
    pages: plain(parts),
    nulls: rows - present.length,
    // The format wants -0 as the lower and +0 as the upper bound.
    min: present.length > 0 ? valueBytes(column, Float64Array.of(present[min] === 0 ? -0 : present[min]!)) : undefined,
    max: present.length > 0 ? valueBytes(column, Float64Array.of(present[max] === 0 ? 0 : present[max]!)) : undefined,
  };
}

function encodeText({ values, codes }: Text): Chunk {
  const { dictionary, min, max } = dictionaryOf(values);
  // Readers differ on codes of no bits at all, so a dictionary of one value takes a bit too.
  const width = Math.max(1, 32 - Math.clz32(values.length - 1));
  return {
    pages: [
      { parts: [dictionary], values: values.length, dictionary: true, encoding: PLAIN },
      {
        parts: [Uint8Array.of(width), writeHybrid(codes, width)],
        values: codes.length,
        dictionary: false,
        encoding: RLE_DICTIONARY,
      },
    ],
    nulls: 0,
    min,
    max,
  };
}

/** Texts with their lengths, one behind the other, and the least and the greatest of them by their bytes. */
function dictionaryOf(values: readonly string[]): { dictionary: Uint8Array; min?: Uint8Array; max?: Uint8Array } {
  const ascii = asciiOf(values);
  if (ascii) return ascii;
  const texts = values.map((value) => Buffer.from(value, 'utf8'));
  const ordered = [...texts].sort(Buffer.compare);
  const sizes = texts.map((text) => Buffer.from(Uint32Array.of(text.length).buffer));
  const dictionary = Buffer.concat(texts.flatMap((text, i) => [sizes[i]!, text]));
  return { dictionary, min: ordered[0], max: ordered.at(-1) };
}

/** The same when every character is a byte: thousands of symbols a file, and a buffer for each was half of its cost. */
function asciiOf(values: readonly string[]): ReturnType<typeof dictionaryOf> | undefined {
  let [size, min, max] = [0, values[0] ?? '', values[0] ?? ''];
  for (const value of values) {
    size += 4 + value.length;
    if (value < min) min = value;
    if (value > max) max = value;
  }
  const dictionary = new Uint8Array(size);
  let at = 0;
  for (const value of values) {
    for (let i = 0, rest = value.length; i < 4; i++, rest >>>= 8) dictionary[at++] = rest;
    for (let i = 0; i < value.length; i++) {
      const code = value.charCodeAt(i);
      if (code > 127) return undefined;
      dictionary[at++] = code;
    }
  }
  return values.length === 0 ? { dictionary } : { dictionary, min: Buffer.from(min), max: Buffer.from(max) };
}

function isValue(value: number): number {
  return Number.isNaN(value) ? 0 : 1;
}

/** Places of the smallest and the largest value. */
function range(data: Int32Array | Float64Array | BigInt64Array | Uint8Array): [number, number] {
  if (data instanceof BigInt64Array) return rangeOf64(data);
  let [min, max] = [0, 0];
  let least = data[0]!;
  let most = least;
  for (let i = 1; i < data.length; i++) {
    const value = data[i]!;
    if (value < least) {
      least = value;
      min = i;
    } else if (value > most) {
      most = value;
      max = i;
    }
  }
  return [min, max];
}

/** By halves, because every look into a BigInt64Array makes an object. */
function rangeOf64(data: BigInt64Array): [number, number] {
  const halves = new Int32Array(data.buffer, data.byteOffset, data.length * 2);
  let [min, max] = [0, 0];
  for (let i = 1; i < data.length; i++) {
    if (isLess(halves, i, min)) min = i;
    else if (isLess(halves, max, i)) max = i;
  }
  return [min, max];
}

function isLess(halves: Int32Array, a: number, b: number): boolean {
  const [high, other] = [halves[2 * a + 1]!, halves[2 * b + 1]!];
  return high < other || (high === other && halves[2 * a]! >>> 0 < halves[2 * b]! >>> 0);
}

function valueBytes({ type }: Column, values: Float64Array): Uint8Array {
  if (type === 'double') return bytesOf(values);
  // 64-bit whole numbers as two halves: exact up to 2^53 and much cheaper than a BigInt a row.
  const halves = new Int32Array(values.length * 2);
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!;
    const low = value | 0;
    halves[2 * i] = low;
    if (low === value) halves[2 * i + 1] = low >> 31;
    else {
      const high = Math.floor(value / 2 ** 32);
      halves[2 * i] = value - high * 2 ** 32;
      halves[2 * i + 1] = high;
    }
  }
  return bytesOf(halves);
}

function bytesOf(data: Int32Array | Float64Array | BigInt64Array | Uint8Array): Uint8Array {
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}

function writePage(out: FileWriter, { parts, values, dictionary, encoding }: Page): void {
  let [size, crc] = [0, 0];
  for (const part of parts) {
    size += part.length;
    // zlib starts afresh at an empty piece instead of carrying the sum over it.
    if (part.length > 0) crc = crc32(part, crc);
  }
  out.struct();
  out.i32(1, dictionary ? DICTIONARY_PAGE : DATA_PAGE);
  out.i32(2, size);
  out.i32(3, size);
  out.i32(4, crc | 0);
  out.structField(dictionary ? 7 : 5);
  out.i32(1, values);
  out.i32(2, encoding);
  if (!dictionary) {
    out.i32(3, RLE);
    out.i32(4, RLE);
  }
  out.end();
  out.end();
  for (const part of parts) out.raw(part);
}

function writeFooter(out: FileWriter, schema: readonly Column[], rows: number, chunks: readonly StoredChunk[]): void {
  out.struct();
  out.i32(1, 2);
  out.structs(2, schema.length + 1);
  out.struct();
  out.bytes(4, textBytes('root'));
  out.i32(5, schema.length);
  out.end();
  for (const column of schema) writeElement(out, column);
  out.i64(3, rows);
  out.structs(4, rows === 0 ? 0 : 1);
  if (rows > 0) {
    out.struct();
    out.structs(1, chunks.length);
    for (const chunk of chunks) writeChunk(out, chunk, rows);
    out.i64(
      2,
      chunks.reduce((sum, { start, end }) => sum + end - start, 0),
    );
    out.i64(3, rows);
    out.end();
  }
  out.bytes(6, textBytes('afterbell'));
  // Without the order of every column readers ignore the statistics.
  out.structs(7, schema.length);
  for (let column = 0; column < schema.length; column++) {
    out.struct();
    out.structField(1);
    out.end();
    out.end();
  }
  out.end();
}

function writeElement(out: FileWriter, column: Column): void {
  const { type, name, nullable } = column;
  out.struct();
  out.i32(1, physicalType(column));
  out.i32(3, nullable ? 1 : 0);
  out.bytes(4, textBytes(name));
  if (type === 'text') out.i32(6, 0);
  if (type === 'date') out.i32(6, 6);
  if (type === 'text' || type === 'date' || type === 'timestamp') {
    out.structField(10);
    out.structField(type === 'text' ? 1 : type === 'date' ? 6 : 8);
    if (type === 'timestamp') {
      out.flag(1, false);
      out.structField(2);
      out.structField(2);
      out.end();
      out.end();
    }
    out.end();
    out.end();
  }
  out.end();
}

function writeChunk(out: FileWriter, { column, chunk, start, data, end }: StoredChunk, rows: number): void {
  out.struct();
  out.i64(2, start);
  out.structField(3);
  out.i32(1, physicalType(column));
  out.i32s(2, chunk.pages.length > 1 ? [PLAIN, RLE, RLE_DICTIONARY] : [PLAIN, RLE]);
  out.texts(3, [textBytes(column.name)]);
  out.i32(4, 0);
  out.i64(5, rows);
  out.i64(6, end - start);
  out.i64(7, end - start);
  out.i64(9, data);
  if (data !== start) out.i64(11, start);
  out.structField(12);
  out.i64(3, chunk.nulls);
  if (chunk.max && chunk.min) {
    out.bytes(5, chunk.max);
    out.bytes(6, chunk.min);
  }
  out.end();
  out.end();
  out.end();
}

const texts = new Map<string, Uint8Array>();

/** Names of columns, which are few. */
function textBytes(text: string): Uint8Array {
  let bytes = texts.get(text);
  if (!bytes) {
    bytes = Buffer.from(text, 'utf8');
    texts.set(text, bytes);
  }
  return bytes;
}
