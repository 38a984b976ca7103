import { createHash } from 'node:crypto';
import * as z from 'zod';
import { firstProblem } from '../errors.ts';
import { wellFormed, wellFormedTexts } from '../text.ts';
import { checkSymbol } from './symbol.ts';

/** Characters of one text of a list; the longest real names have some 200. */
const LONGEST_TEXT = 1_000;
/** Of one text and of the whole of a refused row in `quarantine/`, and fields that a vendor sends and nobody keeps. */
const [QUARANTINED_TEXT, QUARANTINED_ROW, UNKNOWN_FIELDS, FIELD_NAME] = [200, 4_000, 200, 100];

/** Pure: records that have one text in common, by that text, in their order. */
export function groupedBy<T>(records: Iterable<T>, textOf: (record: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const record of records) {
    const text = textOf(record);
    const group = groups.get(text);
    if (group) group.push(record);
    else groups.set(text, [record]);
  }
  return groups;
}

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
    for (const field of Object.keys(fields))
      if (!known.has(field) && unknown.size < UNKNOWN_FIELDS) unknown.add(wellFormed(field, FIELD_NAME));
    const symbol = fields[symbolField];
    const name = typeof symbol === 'string' ? symbol : '';
    const parsed = schema.safeParse(row);
    const record = parsed.success ? withoutGaps(toRecord(parsed.data)) : undefined;
    const key = record && keyOf ? keyOf(record) : name;
    const reason = checkSymbol(symbol) ?? (seen.has(key) ? 'duplicate row' : undefined);
    if (reason !== undefined || record === undefined) {
      out.rejected.push({ symbol: name, reason: reason ?? firstProblem(parsed.error!), row });
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

/** A row that was refused: what it was and why. One JSON line each in `quarantine/`. */
export interface Rejected {
  symbol: string;
  reason: string;
  /** The vendor's row as it came. */
  row: unknown;
}

/** The outcome of parsing one vendor answer: nothing is dropped, every row is in one of the two lists. */
export interface Parsed<T> {
  records: T[];
  rejected: Rejected[];
  /** What was left out on purpose, in words. */
  excludedRows?: string[];
  /** Fields the vendor sends and we do not keep, by name, sorted. */
  unknownFields?: string[];
}

/**
 * What a vendor's answer about one symbol comes to. Empty is an answer too: the vendor knows nothing, and what is
 * stored stays. A wrong row is kept with the reason.
 */
export type Reading<T> =
  | { kind: 'record'; record: T }
  | { kind: 'empty'; reason: string }
  | { kind: 'invalid'; reason: string; row: unknown };

/**
 * A refused row as quarantine and warehouse keep it: well-formed, its long texts cut; a row that is too large all the
 * same is the beginning of its JSON.
 */
export function keptRow(row: unknown): unknown {
  const text = JSON.stringify(row, (_, value) => (typeof value === 'string' ? beginning(value) : value)) ?? 'null';
  if (text.length > QUARANTINED_ROW) return `${wellFormed(text, QUARANTINED_ROW)}…`;
  return wellFormedTexts(JSON.parse(text));
}

/** A text's beginning, and how long it was. */
function beginning(text: string): string {
  return text.length <= QUARANTINED_TEXT
    ? wellFormed(text)
    : `${wellFormed(text, QUARANTINED_TEXT)}… (${text.length} characters)`;
}

/** Text that every store holds: no table or index keeps NUL, half a surrogate pair or a novel. */
export const plainText = z
  .string()
  .max(LONGEST_TEXT, `longer than ${LONGEST_TEXT} characters`)
  .refine((text) => wellFormed(text) === text, 'holds NUL or half a character');

/** Text that may be missing. Null and '' count as missing: the vendors write all three. */
export const optionalText = plainText.nullish().transform((text) => text || undefined);

export const optionalFlag = z
  .boolean()
  .nullish()
  .transform((flag) => flag ?? undefined);

const DECIMAL = /^-?\d+(\.\d+)?([eE][+-]?\d+)?$/;

/** A number that bulk answers write as text; anything else that is no number, `1,000` or ` 5`, is refused. */
export const parseNumber = z.union([
  z.number(),
  z.string().regex(DECIMAL, 'expected a number').transform(Number).pipe(z.number()),
]);

/** The same where null and '' stand for no value. */
export const optionalNumber = z
  .union([z.literal(''), parseNumber])
  .nullish()
  .transform((value) => (value === '' || value === null ? undefined : value));

/** Moves at the vendor without any change of what is stored; it would make every night rewrite every item. */
const TICKING = new Set(['lastUpdatedUtc', 'last_updated_utc', 'holdingsOf', 'weight']);

/** Whether a field moves without meaning anything. */
export function isTicking(field: string): boolean {
  return TICKING.has(field);
}

/**
 * SHA-256 (hex) of a record as JSON with sorted fields: the same for any order of fields, for a field that is absent
 * or undefined, and for another time of the vendor's last update.
 */
export function contentHash(record: object): string {
  const content = Object.entries(record).filter(([field]) => !isTicking(field));
  return createHash('sha256').update(sortedObject(content)).digest('hex');
}

// Written out by hand: JSON.stringify puts integer-like names first, whatever order an object was built in.
function sortedObject(entries: [string, unknown][]): string {
  const present = entries.filter(([, value]) => value !== undefined);
  present.sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${present.map(([field, value]) => `${JSON.stringify(field)}:${sortedJson(value)}`).join(',')}}`;
}

function sortedJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(sortedJson).join(',')}]`;
  if (typeof value === 'object' && value !== null) return sortedObject(Object.entries(value));
  return JSON.stringify(value) ?? 'null';
}
