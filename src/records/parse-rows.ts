import type * as z from 'zod';
import { firstProblem } from './first-problem.ts';
import type { Parsed } from './rejected.ts';
import { checkSymbol } from './symbol.ts';

/** Parsed reference rows; `unknownFields` are the vendor's fields that we do not know, by name, sorted. */
export interface ParsedRows<T> extends Parsed<T> {
  unknownFields: string[];
}

/**
 * Parses reference rows: a row with a wrong type or no usable symbol is rejected with the reason, a second row of
 * the same key as a duplicate, an unknown field is only named. Records and rejected rows together are as many as the rows.
 */
export function parseRows<Row extends z.ZodObject, T extends object>(
  rows: unknown[],
  options: {
    row: Row;
    symbolField: string;
    toRecord: (row: z.output<Row>) => T;
    /** What makes two rows the same thing; the symbol unless given. */
    keyOf?: (record: T) => string;
  },
): ParsedRows<T> {
  const { row: schema, symbolField, toRecord, keyOf } = options;
  const known = new Set(Object.keys(schema.shape));
  const unknown = new Set<string>();
  const seen = new Set<string>();
  const out: ParsedRows<T> = { records: [], rejected: [], unknownFields: [] };
  for (const row of rows) {
    const fields = (typeof row === 'object' && row !== null ? row : {}) as Record<string, unknown>;
    for (const field of Object.keys(fields)) if (!known.has(field)) unknown.add(field);
    const symbol = fields[symbolField];
    const name = typeof symbol === 'string' ? symbol : '';
    const parsed = schema.safeParse(row);
    const record = parsed.success ? withoutGaps(toRecord(parsed.data)) : undefined;
    const key = record && keyOf ? keyOf(record) : name;
    const reason = checkSymbol(symbol) ?? (seen.has(key) ? 'duplicate row' : undefined);
    if (reason !== undefined || record === undefined) {
      out.rejected.push({ symbol: name, reason: reason ?? firstProblem(parsed.error), row });
      continue;
    }
    seen.add(key);
    out.records.push(record);
  }
  out.unknownFields = [...unknown].sort();
  return out;
}

/** Absent instead of undefined: an item of a table takes no undefined, and a null is no valid index key there. */
function withoutGaps<T extends object>(record: T): T {
  return Object.fromEntries(Object.entries(record).filter(([, value]) => value !== undefined)) as T;
}
