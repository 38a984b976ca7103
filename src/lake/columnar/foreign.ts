import { parquetMetadata, parquetRead, type SchemaElement } from 'hyparquet';

/** Values by column name; dates as day numbers, timestamps as µs in a bigint, whatever their unit in the file. */
export interface ForeignColumns {
  rows: number;
  columns: Map<string, unknown[]>;
  /** Which columns the file itself calls dates or timestamps; a bare whole number has no unit. */
  kinds: Map<string, 'date' | 'timestamp'>;
}

/**
 * Reads any Parquet file column by column: uncompressed, snappy, gzip, brotli, zstd or lz4.
 * @throws whatever hyparquet throws for bytes it cannot read
 */
export async function readForeign(bytes: Uint8Array): Promise<ForeignColumns> {
  const memory = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength) as ArrayBuffer;
  const metadata = parquetMetadata(memory);
  const rows = Number(metadata.num_rows);
  const codecs = metadata.row_groups.flatMap((group) => group.columns.map(({ meta_data }) => meta_data?.codec));
  // Our own files need none of it; a function that meets an adopted file loads it then.
  const others = codecs.some((codec) => codec !== 'UNCOMPRESSED' && codec !== 'SNAPPY');
  const compressors = others ? (await import('./compressors.ts')).compressors : undefined;
  const columns = new Map<string, unknown[]>();
  const kinds: ForeignColumns['kinds'] = new Map();
  for (const element of metadata.schema.slice(1)) {
    if (element.num_children !== undefined) continue;
    columns.set(element.name, new Array(rows).fill(null));
    const kind = kindOf(element);
    if (kind) kinds.set(element.name, kind);
  }
  await parquetRead({
    file: { byteLength: memory.byteLength, slice: (start, end) => memory.slice(start, end) },
    metadata,
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
