import { parquetMetadata, parquetRead, type SchemaElement } from 'hyparquet';
import { DAY_MS } from '../calendar/dates.ts';
import { NamedError } from '../errors.ts';
import { type Arena, type Column, type ColumnData, type ColumnsOf, type ColumnType, textOf } from './parquet.ts';
import { decodeColumns } from './parquet-decode.ts';
import { checkFile } from './parquet-pages.ts';

/**
 * The columns of a schema from a Parquet file: at once when encodeColumns wrote it, slower through hyparquet else.
 * @param adopt turns a file that lacks one of the columns into them; without it such a file is an error
 * @param arena for who reads many files and keeps none
 * @throws Lake.Corrupt, naming the key, for anything that cannot be read as these columns
 */
export async function readColumns<S extends readonly Column[]>(
  schema: S,
  bytes: Uint8Array,
  key: string,
  { adopt, arena }: { adopt?: (foreign: ForeignColumns) => ColumnsOf<S> | undefined; arena?: Arena } = {},
): Promise<ColumnsOf<S>> {
  const own = readOwnColumns(schema, bytes, key, arena);
  if (own) return own;
  let foreign: ForeignColumns;
  try {
    foreign = await readForeign(bytes);
  } catch (cause) {
    throw corruptFile(key, `${bytes.length} bytes that do not read as Parquet (${(cause as Error).message})`, cause);
  }
  const adopted = adopt?.(foreign);
  if (adopted) return adopted;
  const columns = Object.fromEntries(
    schema.map((column) => {
      const values = foreign.columns.get(column.name);
      if (values === undefined) throw corruptFile(key, `columns ${[...foreign.columns.keys()].join(', ')}`);
      const kind = foreign.kinds.get(column.name);
      if (kind !== (column.type === 'date' || column.type === 'timestamp' ? column.type : undefined)) {
        throw corruptFile(key, `column ${column.name} as ${kind ?? 'plain values'} where ${column.type} is needed`);
      }
      return [column.name, convert(column, values, key)];
    }),
  ) as ColumnsOf<S>;
  return checkTimes(schema, columns, key);
}

/**
 * The same of a file that encodeColumns wrote, at once; undefined for any other.
 * @throws Lake.Corrupt
 */
export function readOwnColumns<S extends readonly Column[]>(
  schema: S,
  bytes: Uint8Array,
  key: string,
  arena?: Arena,
): ColumnsOf<S> | undefined {
  let columns: Record<string, ColumnData> | undefined;
  try {
    columns = decodeColumns(schema, bytes, arena);
  } catch (error) {
    throw corruptFile(key, (error as Error).message, error);
  }
  return columns && checkTimes(schema, columns as ColumnsOf<S>, key);
}

/** What a Date can hold; and of µs, in the upper half of their 64 bits, what a number can. */
const [MOST_DAYS, MOST_HIGH] = [8.64e15 / DAY_MS, 2 ** 21];

/** Dates and times that are none would only be seen where somebody makes a text of them. */
function checkTimes<S extends readonly Column[]>(schema: S, columns: ColumnsOf<S>, key: string): ColumnsOf<S> {
  for (const { name, type } of schema) {
    const data = columns[name as keyof typeof columns] as ColumnData;
    if (type === 'date' && !areDays(data as Int32Array)) throw corruptFile(key, `a ${name} that is no date`);
    if (type !== 'timestamp') continue;
    const { buffer, byteOffset, length } = data as BigInt64Array;
    const halves = new Int32Array(buffer, byteOffset, length * 2);
    for (let high = 1; high < halves.length; high += 2)
      if (halves[high]! >= MOST_HIGH || halves[high]! < -MOST_HIGH) throw corruptFile(key, `a ${name} that is no time`);
  }
  return columns;
}

function areDays(days: Int32Array): boolean {
  for (let row = 0; row < days.length; row++) if (days[row]! > MOST_DAYS || days[row]! < -MOST_DAYS) return false;
  return true;
}

/** Of the values as hyparquet gives them; the rest are numbers. */
const TYPES: Partial<Record<ColumnType, string[]>> = { text: ['string'], boolean: ['boolean'], timestamp: ['bigint'] };

function convert({ name, type, nullable }: Column, values: readonly unknown[], key: string): ColumnData {
  if (!nullable && values.includes(null)) throw corruptFile(key, `a ${name} that is null`);
  const wanted: string[] = TYPES[type] ?? ['number', 'bigint'];
  const wrong = values.find((value) => value !== null && !wanted.includes(typeof value));
  if (wrong !== undefined) throw corruptFile(key, `${name} as ${typeof wrong} where ${type} is needed`);
  if (type === 'text') return textOf(values as string[]);
  if (type === 'boolean') return Uint8Array.from(values as boolean[], Number);
  if (type === 'timestamp') return BigInt64Array.from(values as bigint[]);
  const numbers = values as (number | bigint | null)[];
  if (type === 'date' || type === 'integer') {
    const whole = Int32Array.from(numbers, Number);
    const other = numbers.findIndex((number, row) => Number(number) !== whole[row]);
    if (other >= 0) throw corruptFile(key, `${name} ${numbers[other]} where ${type} is needed`);
    return whole;
  }
  return Float64Array.from(numbers, (value) => (value === null ? Number.NaN : Number(value)));
}

/** The error of a lake file that is not what its key promises. */
export function corruptFile(key: string, found: string, cause?: unknown): NamedError {
  return new NamedError(
    'Lake.Corrupt',
    { what: `${key} is damaged`, found, wanted: 'a Parquet file of this lake', todo: 'Run `npx afterbell verify`.' },
    { cause },
  );
}

/** Values by column name; dates as day numbers, timestamps as µs in a bigint, whatever their unit in the file. */
export interface ForeignColumns {
  rows: number;
  columns: Map<string, unknown[]>;
  /** Which columns the file itself calls dates or timestamps; a bare whole number has no unit. */
  kinds: Map<string, 'date' | 'timestamp'>;
}

/**
 * Reads the columns of any Parquet file that hold one value a row: uncompressed, snappy, gzip, brotli, zstd or lz4.
 * @throws whatever checkFile and hyparquet throw for bytes they cannot read
 */
export async function readForeign(bytes: Uint8Array): Promise<ForeignColumns> {
  const memory = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength) as ArrayBuffer;
  const { rows, flat, compressors } = await checkFile(Buffer.from(memory));
  const metadata = parquetMetadata(memory, { geoparquet: false });
  const columns = new Map<string, unknown[]>();
  const kinds: ForeignColumns['kinds'] = new Map();
  for (const element of metadata.schema.slice(1)) {
    if (!flat.includes(element.name)) continue;
    columns.set(element.name, new Array(rows).fill(null));
    const kind = kindOf(element);
    if (kind) kinds.set(element.name, kind);
  }
  await parquetRead({
    file: { byteLength: memory.byteLength, slice: (start, end) => memory.slice(start, end) },
    metadata,
    columns: flat,
    compressors,
    parsers: {
      dateFromDays: (days: number) => days,
      timestampFromMilliseconds: (millis: bigint) => millis * 1000n,
      timestampFromMicroseconds: (micros: bigint) => micros,
      timestampFromNanoseconds: (nanos: bigint) => nanos / 1000n,
    },
    onChunk: ({ columnName, columnData, rowStart }) => {
      const column = columns.get(columnName);
      for (let i = 0; column && i < columnData.length && rowStart + i < rows; i++) {
        column[rowStart + i] = columnData[i] ?? null;
      }
    },
  });
  return { rows, columns, kinds };
}

function kindOf({ type, converted_type, logical_type }: SchemaElement): 'date' | 'timestamp' | undefined {
  if (type === 'INT96' || logical_type?.type === 'TIMESTAMP' || converted_type?.startsWith('TIMESTAMP'))
    return 'timestamp';
  return logical_type?.type === 'DATE' || converted_type === 'DATE' ? 'date' : undefined;
}
