import { parquetMetadata, parquetReadObjects, type SchemaElement } from 'hyparquet';
import { ByteWriter, parquetWrite } from 'hyparquet-writer';
import { DAY_MS, dateOf } from '../calendar/dates.ts';
import { NamedError } from '../errors.ts';
import { checkFile } from './parquet-pages.ts';

export type ColumnType = 'text' | 'date' | 'double' | 'bigint' | 'integer' | 'boolean' | 'timestamp';

export interface Column {
  name: string;
  type: ColumnType;
  nullable?: boolean;
}

/** In rows: text and date are strings (date YYYY-MM-DD), timestamp an ISO 8601 UTC string, the rest numbers or booleans. */
export type Row = Record<string, string | number | boolean | null>;

const PHYSICAL: Record<ColumnType, Partial<SchemaElement>> = {
  text: { type: 'BYTE_ARRAY', converted_type: 'UTF8', logical_type: { type: 'STRING' } },
  date: { type: 'INT32', converted_type: 'DATE', logical_type: { type: 'DATE' } },
  double: { type: 'DOUBLE' },
  bigint: { type: 'INT64' },
  integer: { type: 'INT32' },
  boolean: { type: 'BOOLEAN' },
  // Without a zone, as DuckDB's TIMESTAMP; the values are UTC.
  timestamp: { type: 'INT64', logical_type: { type: 'TIMESTAMP', isAdjustedToUTC: false, unit: 'MICROS' } },
};

/** Rows as one Parquet file (snappy, statistics). The same rows give the same bytes. */
export function encodeRows(columns: readonly Column[], rows: readonly object[]): Uint8Array {
  const schema: SchemaElement[] = [
    { name: 'root', num_children: columns.length } as SchemaElement,
    ...columns.map(
      ({ name, type, nullable }) =>
        ({ name, ...PHYSICAL[type], repetition_type: nullable ? 'OPTIONAL' : 'REQUIRED' }) as SchemaElement,
    ),
  ];
  const columnData = columns.map(({ name, type }) => ({ name, data: physicalColumn(rows as Row[], name, type) }));
  const writer = new ByteWriter();
  parquetWrite({ writer, columnData, schema, createdBy: 'afterbell' });
  return new Uint8Array(writer.getBuffer());
}

function physicalColumn(rows: readonly Row[], name: string, type: ColumnType): unknown[] {
  const convert = TO_PHYSICAL[type];
  return rows.map((row) => {
    const value = row[name];
    return value === null || value === undefined ? undefined : convert(value);
  });
}

const days = new Map<string, number>();

function dayNumber(date: string): number {
  let day = days.get(date);
  if (day === undefined) {
    day = Date.parse(`${date}T00:00:00Z`) / DAY_MS;
    days.set(date, day);
  }
  return day;
}

const TO_PHYSICAL: Record<ColumnType, (value: string | number | boolean) => unknown> = {
  text: (value) => value,
  date: (value) => dayNumber(value as string),
  double: (value) => value,
  bigint: (value) => BigInt(value as number),
  integer: (value) => value,
  boolean: (value) => value,
  timestamp: (value) => BigInt(Date.parse(value as string)) * 1000n,
};

const dates = new Map<number, string>();

function dateText(day: number): string {
  let date = dates.get(day);
  if (date === undefined) {
    date = dateOf(day);
    dates.set(day, date);
  }
  return date;
}

/**
 * Reads a whole Parquet file.
 * @param name what to call the file in an error
 * @throws Lake.Corrupt when it is not readable Parquet or lacks one of the wanted columns.
 */
export async function decodeRows<T = Row>(bytes: Uint8Array, name: string, wanted: readonly string[]): Promise<T[]> {
  const file = {
    byteLength: bytes.byteLength,
    slice: (start: number, end?: number) => new Uint8Array(bytes.subarray(start, end)).buffer as ArrayBuffer,
  };
  let rows: Record<string, unknown>[];
  try {
    const { flat, compressors } = await checkFile(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
    rows = await parquetReadObjects({
      file,
      metadata: parquetMetadata(bytes, { geoparquet: false }),
      columns: flat,
      compressors,
      parsers: {
        dateFromDays: dateText,
        timestampFromMicroseconds: (micros: bigint) => new Date(Number(micros / 1000n)).toISOString(),
        timestampFromMilliseconds: (millis: bigint) => new Date(Number(millis)).toISOString(),
        timestampFromNanoseconds: (nanos: bigint) => new Date(Number(nanos / 1_000_000n)).toISOString(),
      },
    });
  } catch (cause) {
    throw corrupt(name, `${bytes.byteLength} bytes that do not read as Parquet (${(cause as Error).message})`, cause);
  }
  const first = rows[0];
  const missing = first ? wanted.filter((column) => !(column in first)) : [];
  if (missing.length > 0) {
    throw corrupt(name, `columns ${Object.keys(first ?? {}).join(', ')}; ${missing.join(', ')} missing`);
  }
  for (const row of rows) {
    for (const column of Object.keys(row)) {
      const value = row[column];
      if (typeof value === 'bigint') row[column] = Number(value);
      else if (value === undefined) row[column] = null;
      else if (typeof value === 'object' && value !== null) throw corrupt(name, `a ${column} that is no plain value`);
    }
  }
  return rows as T[];
}

function corrupt(name: string, found: string, cause?: unknown): NamedError {
  return new NamedError(
    'Lake.Corrupt',
    { what: `${name} is damaged`, found, wanted: 'a Parquet file of this lake', todo: 'Run `npx afterbell verify`.' },
    { cause },
  );
}

/** A text column by dictionary: `values[codes[row]]`. Every value is used and stands in the order it first occurs. */
export interface Text {
  values: string[];
  codes: Int32Array;
}

/** A column in memory, by its type. */
interface DataOf {
  text: Text;
  /** Days since 1970. */
  date: Int32Array;
  /** NaN = null in a nullable column; so in bigint. */
  double: Float64Array;
  bigint: Float64Array;
  integer: Int32Array;
  /** 0 or 1. */
  boolean: Uint8Array;
  /** µs since 1970, UTC. */
  timestamp: BigInt64Array;
}
export type ColumnData = DataOf[ColumnType];

/** The columns of a schema in memory, by name, all of one length. */
export type ColumnsOf<S extends readonly Column[]> = { [C in S[number] as C['name']]: DataOf[C['type']] };

/** Keeps the names and types of a schema for ColumnsOf. */
export function schemaOf<const S extends readonly Column[]>(columns: S): S {
  return columns;
}

/** Memory that columns are put into one after the other, file after file: the columns of a file live until the next one. */
export class Arena {
  private memory = new ArrayBuffer(1 << 20);
  private used = 0;

  /** Room for the columns of another file. */
  begin(bytes: number): void {
    this.used = 0;
    if (bytes > this.memory.byteLength) this.memory = new ArrayBuffer(bytes * 2);
  }

  /** So many bytes from a place that suits every type. */
  take(bytes: number): { memory: ArrayBuffer; at: number } {
    const at = this.used;
    this.used = Math.ceil((at + bytes) / 8) * 8;
    if (this.used > this.memory.byteLength) return { memory: new ArrayBuffer(bytes), at: 0 };
    return { memory: this.memory, at };
  }
}

const ROOM: { [T in ColumnType]: (memory: ArrayBuffer, at: number, rows: number) => DataOf[T] } = {
  text: (memory, at, rows) => ({ values: [], codes: new Int32Array(memory, at, rows) }),
  date: (memory, at, rows) => new Int32Array(memory, at, rows),
  double: (memory, at, rows) => new Float64Array(memory, at, rows),
  bigint: (memory, at, rows) => new Float64Array(memory, at, rows),
  integer: (memory, at, rows) => new Int32Array(memory, at, rows),
  boolean: (memory, at, rows) => new Uint8Array(memory, at, rows),
  timestamp: (memory, at, rows) => new BigInt64Array(memory, at, rows),
};
const BYTES = { text: 4, date: 4, double: 8, bigint: 8, integer: 4, boolean: 1, timestamp: 8 };

/**
 * Columns for so many rows, to be filled.
 * @param arena where they lie until its next use; what lay there before shows through
 */
export function roomFor<S extends readonly Column[]>(schema: S, rows: number, arena?: Arena): ColumnsOf<S> {
  const columns: Record<string, ColumnData> = {};
  arena?.begin(schema.length * (rows + 1) * 8);
  for (const { name, type } of schema) {
    const bytes = rows * BYTES[type];
    const { memory, at } = arena?.take(bytes) ?? { memory: new ArrayBuffer(bytes), at: 0 };
    columns[name] = ROOM[type](memory, at, rows);
  }
  return columns as ColumnsOf<S>;
}

/** Columns by name, all of the same length. */
export type Columns = Readonly<Record<string, ColumnData>>;

/** Rows of a column. */
export function lengthOf(data: ColumnData): number {
  return 'codes' in data ? data.codes.length : data.length;
}

/** A text column from its texts. */
export function textOf(texts: readonly string[]): Text {
  const places = new Map<string, number>();
  const codes = new Int32Array(texts.length);
  for (let row = 0; row < texts.length; row++) {
    const text = texts[row]!;
    let code = places.get(text);
    if (code === undefined) {
      code = places.size;
      places.set(text, code);
    }
    codes[row] = code;
  }
  return { values: [...places.keys()], codes };
}

/** Parquet's physical type number of a column (parquet.thrift, `Type`). */
export function physicalType({ type }: Column): number {
  const numbers = { boolean: 0, date: 1, integer: 1, bigint: 2, timestamp: 2, double: 5, text: 6 };
  return numbers[type];
}
