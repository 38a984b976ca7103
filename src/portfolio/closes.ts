import { adoptOriginal } from '../lake/bronze/original.ts';
import type { Text } from '../lake/columnar/column-data.ts';
import { corruptFile, readColumns } from '../lake/columnar/read.ts';
import { keys } from '../lake/keys.ts';
import type { Lake } from '../lake/lake.ts';
import type { Column } from '../lake/parquet.ts';

/** One symbol's unadjusted closes in USD, oldest first; `date` is in days since 1970. */
export interface Closes {
  date: Int32Array;
  close: Float64Array;
}

/** Of eleven columns an indicator needs these; the others are not even decoded. */
const COLUMNS: readonly Column[] = [
  { name: 'symbol', type: 'text' },
  { name: 'date', type: 'date' },
  { name: 'close', type: 'double' },
];

/**
 * The closes of `symbol=X/data.parquet`; undefined when the lake has no history of the symbol.
 * @throws Lake.Corrupt, naming the key, for a file that is damaged or another symbol's
 */
export async function readCloses(lake: Lake, symbol: string): Promise<Closes | undefined> {
  const key = keys.symbol(symbol);
  const bytes = await lake.read(key);
  if (!bytes) return undefined;
  const columns = await readColumns(COLUMNS, bytes, key, (foreign) => adoptOriginal(foreign, key));
  const { values } = columns.symbol as Text;
  const stranger = values.find((value) => value !== symbol);
  if (stranger !== undefined) throw corruptFile(key, `bars of ${JSON.stringify(stranger)}`);
  const [date, close] = [columns.date as Int32Array, columns.close as Float64Array];
  for (let row = 1; row < date.length; row++) {
    if (date[row]! <= date[row - 1]!) throw corruptFile(key, `dates that do not increase at row ${row}`);
  }
  return { date, close };
}
