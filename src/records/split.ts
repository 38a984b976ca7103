import * as z from 'zod';
import { readDay } from '../calendar/dates.ts';
import { optionalText, type Parsed, type ParsedRows, parseRows } from './record.ts';

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
  /** `forward_split`, `reverse_split` or `stock_dividend`; absent where the vendor's older endpoint was asked. */
  adjustmentType?: string;
  /** The vendor's own product of this split and every later one of the symbol; absent as above. */
  historicalAdjustmentFactor?: number;
}

/** A symbol may split twice on a day, such as 3:1 and a stock dividend, but not twice at one ratio. */
export function splitKey({ symbol, executionDate, splitFrom, splitTo }: Split): string {
  return `${symbol} ${executionDate} ${splitFrom}:${splitTo}`;
}

/** Parses rows of `/stocks/v1/splits` and `/v3/reference/splits`; see parseRows for what is rejected. */
export function parseSplits(rows: unknown[]): ParsedRows<Split> {
  return parseRows(rows, { row: splitRow, symbolField: 'ticker', toRecord: toSplit, keyOf: splitKey });
}

function toSplit(row: z.output<typeof splitRow>): Split {
  return {
    symbol: row.ticker,
    executionDate: row.execution_date,
    splitFrom: row.split_from,
    splitTo: row.split_to,
    adjustmentType: row.adjustment_type ?? undefined,
    historicalAdjustmentFactor: row.historical_adjustment_factor ?? undefined,
  };
}

/** Announcement, record and execution of one split lie within so many days. */
const SAME_SPLIT_DAYS = 10;
/** Ratios nearer than this are one: 20:21 is 1:1.05. */
const SAME_RATIO = 1e-9;

/**
 * Pure: a split that the vendor lists twice, under its record date and its execution date, is one; the later date
 * counts, because prices move on execution (Shopify's 10:1 of 2022 stands there with June 22 and June 29). So is one
 * ratio in other numbers on one day, of which the first in the list counts; another ratio on that day is another split.
 */
export function dropRepeatedSplits(splits: readonly Split[]): Parsed<Split> {
  const out: Parsed<Split> = { records: [], rejected: [] };
  const bySymbol = new Map<string, Split[]>();
  for (const split of splits) bySymbol.set(split.symbol, [...(bySymbol.get(split.symbol) ?? []), split]);
  for (const split of splits) {
    const day = readDay(split.executionDate)!;
    const own = bySymbol.get(split.symbol)!;
    const place = own.indexOf(split);
    const later = own.find((other, at) => {
      const days = readDay(other.executionDate)! - day;
      const isRepeated = days === 0 ? at < place : days > 0 && days <= SAME_SPLIT_DAYS;
      return isRepeated && isSameRatio(split, other);
    });
    if (later === undefined) out.records.push(split);
    else out.rejected.push({ symbol: split.symbol, reason: `listed again for ${later.executionDate}`, row: split });
  }
  return out;
}

function isSameRatio(a: Split, b: Split): boolean {
  return Math.abs((a.splitFrom * b.splitTo) / (a.splitTo * b.splitFrom) - 1) < SAME_RATIO;
}
