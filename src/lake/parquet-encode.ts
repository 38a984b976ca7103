import { crc32 } from 'node:zlib';
import { type Column, type ColumnData, type Columns, lengthOf, physicalType, type Text } from './parquet.ts';
import { type Field, type Fields, writeHybrid, writeRun, writeStruct } from './parquet-bits.ts';

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

/**
 * Columns as one Parquet file: one row group, one uncompressed page a column, text by dictionary, statistics, a
 * checksum a page. Why an own writer: the copy of typed arrays is some hundred times faster than a writer that takes
 * values one by one, and 4-decimal prices hardly compress. The same columns give the same bytes.
 */
export function encodeColumns(schema: readonly Column[], columns: Columns): Uint8Array {
  const rows = schema[0] ? lengthOf(columns[schema[0].name]!) : 0;
  const pieces: Uint8Array[] = [MAGIC];
  let offset = MAGIC.length;
  const chunks: Field[] = [];
  let total = 0;
  for (const column of rows === 0 ? [] : schema) {
    const chunk = encodeColumn(column, columns[column.name]!);
    const start = offset;
    let data = offset;
    for (const page of chunk.pages) {
      if (!page.dictionary) data = offset;
      const size = page.parts.reduce((sum, part) => sum + part.length, 0);
      const header = pageHeader(page, size);
      pieces.push(header, ...page.parts);
      offset += header.length + size;
    }
    total += offset - start;
    chunks.push({
      struct: [
        [2, { i64: start }],
        [3, { struct: chunkMeta(column, chunk, start, data, offset, rows) }],
      ],
    });
  }
  const footer = writeStruct(fileMeta(schema, rows, chunks, total));
  const tail = Buffer.alloc(8);
  tail.writeUInt32LE(footer.length, 0);
  MAGIC.copy(tail, 4);
  return Buffer.concat([...pieces, footer, tail]);
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

function pageHeader({ parts, values, dictionary, encoding }: Page, size: number): Uint8Array {
  // zlib starts afresh at an empty piece instead of carrying the sum over it.
  const crc = parts.reduce((sum, part) => (part.length > 0 ? crc32(part, sum) : sum), 0) | 0;
  const detail: Fields = dictionary
    ? [
        [
          7,
          {
            struct: [
              [1, { i32: values }],
              [2, { i32: encoding }],
            ],
          },
        ],
      ]
    : [
        [
          5,
          {
            struct: [
              [1, { i32: values }],
              [2, { i32: encoding }],
              [3, { i32: RLE }],
              [4, { i32: RLE }],
            ],
          },
        ],
      ];
  return writeStruct([
    [1, { i32: dictionary ? DICTIONARY_PAGE : DATA_PAGE }],
    [2, { i32: size }],
    [3, { i32: size }],
    [4, { i32: crc }],
    ...detail,
  ]);
}

function chunkMeta(column: Column, chunk: Chunk, start: number, data: number, end: number, rows: number): Fields {
  const encodings = chunk.pages.length > 1 ? [PLAIN, RLE, RLE_DICTIONARY] : [PLAIN, RLE];
  const statistics: Fields = [[3, { i64: chunk.nulls }]];
  if (chunk.max && chunk.min) statistics.push([5, { bytes: chunk.max }], [6, { bytes: chunk.min }]);
  return [
    [1, { i32: physicalType(column) }],
    [2, { list: encodings.map((encoding) => ({ i32: encoding })) }],
    [3, { list: [{ text: column.name }] }],
    [4, { i32: 0 }],
    [5, { i64: rows }],
    [6, { i64: end - start }],
    [7, { i64: end - start }],
    [9, { i64: data }],
    ...(data === start ? [] : ([[11, { i64: start }]] as Fields)),
    [12, { struct: statistics }],
  ];
}

function fileMeta(schema: readonly Column[], rows: number, chunks: Field[], total: number): Fields {
  const group: Field = {
    struct: [
      [1, { list: chunks }],
      [2, { i64: total }],
      [3, { i64: rows }],
    ],
  };
  return [
    [1, { i32: 2 }],
    [
      2,
      {
        list: [
          {
            struct: [
              [4, { text: 'root' }],
              [5, { i32: schema.length }],
            ],
          },
          ...schema.map(schemaElement),
        ],
      },
    ],
    [3, { i64: rows }],
    [4, { list: rows === 0 ? [] : [group] }],
    [6, { text: 'afterbell' }],
    // Without the order of every column readers ignore the statistics.
    [7, { list: schema.map(() => ({ struct: [[1, { struct: [] }]] })) }],
  ];
}

function schemaElement(column: Column): Field {
  const logical: Partial<Record<Column['type'], { converted?: number; logical: Fields }>> = {
    text: { converted: 0, logical: [[1, { struct: [] }]] },
    date: { converted: 6, logical: [[6, { struct: [] }]] },
    timestamp: {
      logical: [
        [
          8,
          {
            struct: [
              [1, { flag: false }],
              [2, { struct: [[2, { struct: [] }]] }],
            ],
          },
        ],
      ],
    },
  };
  const meaning = logical[column.type];
  return {
    struct: [
      [1, { i32: physicalType(column) }],
      [3, { i32: column.nullable ? 1 : 0 }],
      [4, { text: column.name }],
      ...(meaning?.converted === undefined ? [] : ([[6, { i32: meaning.converted }]] as Fields)),
      ...(meaning ? ([[10, { struct: meaning.logical }]] as Fields) : []),
    ],
  };
}
