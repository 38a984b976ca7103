import type { Company } from '../records/company.ts';
import type { Valuation } from '../records/valuation.ts';
import { statement } from '../text.ts';
import type { Warehouse } from './client.ts';
import sql from './enrichment.sql';
import { readPaged } from './paged.ts';

const upsertDcfValuationsSql = statement(sql, 'upsert-dcf-valuations');
const upsertSymbolMetadataSql = statement(sql, 'upsert-symbol-metadata');
const enrichmentAttemptsSql = statement(sql, 'enrichment-attempts');
const skippedSymbolsSql = statement(sql, 'skipped-symbols');

/** A Data API request ends at 4 MiB; escaped JSON within JSON needs room. */
const CHUNK_CHARACTERS = 2_000_000;

/** How the asking for one symbol ended; `answer` is the row that could not be taken. */
export interface Attempt {
  symbol: string;
  ending: string;
  reason: string | null;
  answer: unknown;
}

/** A symbol's attempt with its record, when there is one. */
export interface Enriched<R> {
  attempt: Attempt | undefined;
  record: R | undefined;
}

export interface EnrichedRows {
  new: number;
  changed: number;
  /** Symbols without an answer this time whose row stays. */
  kept: number;
}

/** Companies into `symbol_metadata` and the attempts beside them; `at` is the instant (ISO) of the sync. */
export function storeCompanies(
  warehouse: Warehouse,
  at: string,
  items: readonly Enriched<Company>[],
): Promise<EnrichedRows> {
  return store(warehouse, upsertSymbolMetadataSql, at, items, (company) => ({
    s: company.symbol,
    n: company.name,
    sec: company.sector,
    ind: company.industry,
    sic: company.sicCode,
    e: company.exchange,
    t: company.type,
    l: company.listDate,
    m: digits(company.marketCap),
    d: company.description,
    f: company.source,
  }));
}

/** Valuations into `dcf_valuations` and the attempts beside them. */
export function storeValuations(
  warehouse: Warehouse,
  at: string,
  items: readonly Enriched<Valuation>[],
): Promise<EnrichedRows> {
  return store(warehouse, upsertDcfValuationsSql, at, items, ({ symbol, date, dcf, stockPrice, source }) => {
    return { s: symbol, d: date, v: digits(dcf), p: digits(stockPrice), f: source };
  });
}

async function store<R>(
  warehouse: Warehouse,
  sql: string,
  at: string,
  items: readonly Enriched<R>[],
  toRow: (record: R) => object,
): Promise<EnrichedRows> {
  const total: EnrichedRows = { new: 0, changed: 0, kept: 0 };
  for (const { rows, attempts } of chunked(items, toRow)) {
    const values = { rows: `[${rows.join(',')}]`, attempts: `[${attempts.join(',')}]`, at: timestamp(at) };
    const [answer] = await warehouse.query(sql, values);
    for (const key of ['new', 'changed', 'kept'] as const) total[key] += Number(answer?.[key] ?? 0);
  }
  return total;
}

function chunked<R>(items: readonly Enriched<R>[], toRow: (record: R) => object) {
  const chunks: { rows: string[]; attempts: string[] }[] = [];
  let room = 0;
  for (const { record, attempt } of items) {
    const row = record === undefined ? undefined : jsonText(toRow(record));
    const asked = attempt && jsonText({ s: attempt.symbol, e: attempt.ending, r: attempt.reason, x: attempt.answer });
    const size = (row?.length ?? 0) + (asked?.length ?? 0);
    if (size > room) {
      chunks.push({ rows: [], attempts: [] });
      room = CHUNK_CHARACTERS;
    }
    room -= size;
    if (row !== undefined) chunks.at(-1)!.rows.push(row);
    if (asked !== undefined) chunks.at(-1)!.attempts.push(asked);
  }
  return chunks;
}

/** PostgreSQL's jsonb takes neither the character 0 nor half of a surrogate pair, and vendors' prose has both. */
function jsonText(value: object): string {
  return JSON.stringify(value).replace(/(?<!\\)((?:\\\\)*)\\u(?:0000|d[89a-f][0-9a-f]{2})/g, '$1');
}

function digits(value: number | null): string | null {
  return value === null ? null : String(value);
}

function timestamp(iso: string): string {
  return iso.replace('T', ' ').replace('Z', '');
}

/** When a symbol was last asked for (ms since 1970) and how that ended. */
export interface LastAttempt {
  ending: string;
  at: number;
}

/** Every symbol of a dataset that was ever asked for. */
export async function readAttempts(warehouse: Warehouse, dataset: string): Promise<Map<string, LastAttempt>> {
  const rows = await readPaged(warehouse, enrichmentAttemptsSql, { dataset }, { key: ['symbol'] });
  return new Map(rows.map(({ symbol, ending, at }) => [String(symbol), { ending: String(ending), at: Number(at) }]));
}

/** What the sync of instant `at` (ISO) got no value for, with the reason. */
export async function readSkipped(
  warehouse: Warehouse,
  dataset: string,
  at: string,
): Promise<{ symbol: string; reason: string; row: unknown }[]> {
  const values = { dataset, at: at.replace('T', ' ').replace('Z', '') };
  const rows = await readPaged(warehouse, skippedSymbolsSql, values, { key: ['symbol'] });
  return rows.map(({ symbol, reason, answer }) => {
    return {
      symbol: String(symbol),
      reason: String(reason ?? ''),
      row: answer === null ? null : JSON.parse(String(answer)),
    };
  });
}
