import * as z from 'zod';
import { readDay } from '../calendar/dates.ts';
import { type ParsedRows, parseRows } from './parse-rows.ts';
import type { Parsed } from './rejected.ts';
import { optionalText } from './vendor-fields.ts';

const shares = z.number().positive();

/** A row of Polygon's splits, of the new endpoint or of the deprecated one. */
const splitRow = z
  .object({
    id: optionalText,
    ticker: z.string(),
    execution_date: z.string().refine((text) => readDay(text) !== undefined, 'expected a date YYYY-MM-DD'),
    split_from: shares,
    split_to: shares,
    adjustment_type: optionalText,
    historical_adjustment_factor: z.number().nullish(),
  })
  .refine((row) => row.split_from !== row.split_to, 'as many shares after it as before');

/** On `executionDate`, the first session on the new basis, `splitFrom` old shares became `splitTo` new ones. */
export interface Split {
  symbol: string;
  executionDate: string;
  splitFrom: number;
  splitTo: number;
}

/** A symbol splits once a day at most. */
export function splitKey({ symbol, executionDate }: Split): string {
  return `${symbol} ${executionDate}`;
}

/** Parses rows of `/stocks/v1/splits` and `/v3/reference/splits`; see parseRows for what is rejected. */
export function parseSplits(rows: unknown[]): ParsedRows<Split> {
  return parseRows(rows, { row: splitRow, symbolField: 'ticker', toRecord: toSplit, keyOf: splitKey });
}

function toSplit(row: z.output<typeof splitRow>): Split {
  const { ticker: symbol, execution_date: executionDate, split_from: splitFrom, split_to: splitTo } = row;
  return { symbol, executionDate, splitFrom, splitTo };
}

/** Announcement, record and execution of one split lie within so many days. */
const SAME_SPLIT_DAYS = 10;

/**
 * Pure: a split that the vendor lists twice, under its record date and its execution date, is one; the later date
 * counts, because prices move on execution (Shopify's 10:1 of 2022 stands there with June 22 and June 29).
 */
export function dropRepeatedSplits(splits: readonly Split[]): Parsed<Split> {
  const out: Parsed<Split> = { records: [], rejected: [] };
  const bySymbol = new Map<string, Split[]>();
  for (const split of splits) bySymbol.set(split.symbol, [...(bySymbol.get(split.symbol) ?? []), split]);
  for (const split of splits) {
    const day = readDay(split.executionDate)!;
    const later = bySymbol.get(split.symbol)!.find((other) => {
      const days = readDay(other.executionDate)! - day;
      return days > 0 && days <= SAME_SPLIT_DAYS && isSameRatio(split, other);
    });
    if (later === undefined) out.records.push(split);
    else out.rejected.push({ symbol: split.symbol, reason: `listed again for ${later.executionDate}`, row: split });
  }
  return out;
}

function isSameRatio(a: Split, b: Split): boolean {
  return a.splitFrom * b.splitTo === a.splitTo * b.splitFrom;
}
