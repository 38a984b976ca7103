import type { Column } from '../parquet.ts';

/** A text column by dictionary: `values[codes[row]]`. Every value is used and stands in the order it first occurs. */
export interface Text {
  values: string[];
  codes: Int32Array;
}

/**
 * One column in memory, by its type: text → Text; date (days since 1970) and integer → Int32Array; double and bigint
 * → Float64Array (NaN = null in a nullable column); timestamp → BigInt64Array (µs, UTC); boolean → Uint8Array (0, 1).
 */
export type ColumnData = Text | Int32Array | Float64Array | BigInt64Array | Uint8Array;

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
