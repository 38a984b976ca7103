import type { Bar } from '../records/bar.ts';
import { type BarColumns, decodeBarColumns, encodeBarColumns } from './bronze/bar-columns.ts';
import { textOf } from './columnar/column-data.ts';

const DAY_MS = 86_400_000;

/** Bars as a bronze Parquet file, in the order given. The same bars give the same bytes. */
export function encodeBars(bars: readonly Bar[]): Uint8Array {
  const doubles = (field: 'open' | 'high' | 'low' | 'close' | 'volume' | 'vwap' | 'transactions') =>
    Float64Array.from(bars, (bar) => bar[field] ?? Number.NaN);
  return encodeBarColumns({
    symbol: textOf(bars.map((bar) => bar.symbol)),
    date: Int32Array.from(bars, (bar) => Date.parse(bar.date) / DAY_MS),
    open: doubles('open'),
    high: doubles('high'),
    low: doubles('low'),
    close: doubles('close'),
    volume: doubles('volume'),
    vwap: doubles('vwap'),
    transactions: doubles('transactions'),
    source: textOf(bars.map((bar) => bar.source)),
    ingested_at: BigInt64Array.from(bars, (bar) => BigInt(Date.parse(bar.ingestedAt)) * 1000n),
  });
}

/** @throws Lake.Corrupt, naming the key. */
export async function decodeBars(bytes: Uint8Array, key: string): Promise<Bar[]> {
  const columns = await decodeBarColumns(bytes, key);
  const dates = new Map<number, string>();
  const instants = new Map<bigint, string>();
  return Array.from(columns.date, (day, row) => rowOf(columns, row, date(day, dates), instant(columns, row, instants)));
}

function rowOf(columns: BarColumns, row: number, date: string, ingestedAt: string): Bar {
  const { symbol, source, vwap, transactions } = columns;
  return {
    symbol: symbol.values[symbol.codes[row]!]!,
    date,
    open: columns.open[row]!,
    high: columns.high[row]!,
    low: columns.low[row]!,
    close: columns.close[row]!,
    volume: columns.volume[row]!,
    vwap: Number.isNaN(vwap[row]) ? null : vwap[row]!,
    transactions: Number.isNaN(transactions[row]) ? null : transactions[row]!,
    source: source.values[source.codes[row]!]!,
    ingestedAt,
  };
}

function date(day: number, known: Map<number, string>): string {
  let text = known.get(day);
  if (text === undefined) {
    text = new Date(day * DAY_MS).toISOString().slice(0, 10);
    known.set(day, text);
  }
  return text;
}

function instant({ ingested_at }: BarColumns, row: number, known: Map<bigint, string>): string {
  const micros = ingested_at[row]!;
  let text = known.get(micros);
  if (text === undefined) {
    text = new Date(Number(micros / 1000n)).toISOString();
    known.set(micros, text);
  }
  return text;
}
