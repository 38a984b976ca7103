import { NamedError } from '../../errors.ts';
import type { Column } from '../parquet.ts';
import { type ColumnData, textOf } from './column-data.ts';
import { decodeColumns } from './decode.ts';
import { type ForeignColumns, readForeign } from './foreign.ts';

/**
 * The columns of a schema from a Parquet file: at once when encodeColumns wrote it, slower through hyparquet else.
 * @param adopt turns a file that lacks one of the columns into them; without it such a file is an error
 * @throws Lake.Corrupt, naming the key, for anything that cannot be read as these columns
 */
export async function readColumns(
  schema: readonly Column[],
  bytes: Uint8Array,
  key: string,
  adopt?: (foreign: ForeignColumns) => Record<string, ColumnData> | undefined,
): Promise<Record<string, ColumnData>> {
  try {
    const columns = decodeColumns(schema, bytes);
    if (columns) return columns;
  } catch (error) {
    throw corruptFile(key, (error as Error).message, error);
  }
  let foreign: ForeignColumns;
  try {
    foreign = await readForeign(bytes);
  } catch (cause) {
    throw corruptFile(key, `${bytes.length} bytes that do not read as Parquet (${(cause as Error).message})`, cause);
  }
  const adopted = adopt?.(foreign);
  if (adopted) return adopted;
  return Object.fromEntries(
    schema.map((column) => {
      const values = foreign.columns.get(column.name);
      if (values === undefined) throw corruptFile(key, `columns ${[...foreign.columns.keys()].join(', ')}`);
      const kind = foreign.kinds.get(column.name);
      if (kind !== (column.type === 'date' || column.type === 'timestamp' ? column.type : undefined)) {
        throw corruptFile(key, `column ${column.name} as ${kind ?? 'plain values'} where ${column.type} is needed`);
      }
      return [column.name, convert(column, values, key)];
    }),
  );
}

function convert({ name, type, nullable }: Column, values: readonly unknown[], key: string): ColumnData {
  if (!nullable && values.includes(null)) throw corruptFile(key, `a ${name} that is null`);
  const wanted = type === 'text' ? ['string'] : type === 'boolean' ? ['boolean'] : ['number', 'bigint', 'undefined'];
  const wrong = values.find((value) => value !== null && !wanted.includes(typeof value));
  if (wrong !== undefined) throw corruptFile(key, `${name} ${String(wrong)} where ${type} is needed`);
  if (type === 'text') return textOf(values as string[]);
  if (type === 'boolean') return Uint8Array.from(values as boolean[], Number);
  if (type === 'timestamp') return BigInt64Array.from(values as bigint[], BigInt);
  const numbers = values as (number | bigint | null)[];
  if (type === 'date' || type === 'integer') return Int32Array.from(numbers, Number);
  return Float64Array.from(numbers, (value) => (value === null ? Number.NaN : Number(value)));
}

/** The error of a lake file that is not what its key promises. */
export function corruptFile(key: string, found: string, cause?: unknown): NamedError {
  return new NamedError(
    'Lake.Corrupt',
    { what: `${key} is damaged`, found, wanted: 'a Parquet file of this lake', todo: 'Run `afterbell verify`.' },
    { cause },
  );
}
