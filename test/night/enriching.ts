import { afterAll, beforeAll, beforeEach } from 'vitest';
import type { EnrichmentPage, EnrichmentSource, VendorResponse } from '../../src/datasets/dataset.ts';
import { NamedError } from '../../src/errors.ts';
import { keys } from '../../src/lake/lake.ts';
import { enrich } from '../../src/night/enrich.ts';
import type { Valuation } from '../../src/records/valuation.ts';
import { migrate } from '../../src/warehouse/client.ts';
import { storeValuations } from '../../src/warehouse/enrichment.ts';
import { type LocalTables, openLocalTables } from '../tables/local-tables.ts';
import { type LocalWarehouse, openLocalWarehouse } from '../warehouse/local-warehouse.ts';
import { openTestStores, type TestStores } from './rooms.ts';

export const SESSION = '2025-11-19';
export const FIRST = { runId: 'night-1', session: SESSION, openedAt: '2025-11-20T09:00:00.000Z', vendorDown: {} };
export const NEXT = { runId: 'night-2', session: '2025-11-20', openedAt: '2025-11-21T09:00:00.000Z', vendorDown: {} };
export const LONG = { remainingMs: () => 900_000 };
export const names = (count: number) =>
  Array.from({ length: count }, (_, index) => `S${String(index).padStart(4, '0')}`);

export type Answer = number | 'empty' | NamedError;

/** A vendor that answers as told, and counts. */
export function vendorOf(answers: (symbol: string, time: number) => Answer, callsPerMinute = 0) {
  const asked: string[] = [];
  const ask = async (symbol: string): Promise<VendorResponse> => {
    asked.push(symbol);
    const answer = answers(symbol, asked.filter((other) => other === symbol).length);
    if (answer instanceof NamedError) throw answer;
    if (answer === 'empty') return { reading: { kind: 'empty', reason: 'nothing known' }, practice: true };
    const record = { symbol, date: SESSION, dcf: answer, stockPrice: null, source: 'fmp' };
    return { reading: { kind: 'record', record }, practice: true };
  };
  return { asked, vendor: { callsPerMinute, ask } };
}

/** An empty warehouse and empty rooms for every test of a file, and what its tests do there. */
export function openEnrichment() {
  let tables: LocalTables;
  let warehouse: LocalWarehouse;
  let stores: Omit<TestStores, 'warehouse'> & { warehouse: LocalWarehouse };
  beforeAll(async () => {
    tables = await openLocalTables();
    warehouse = await openLocalWarehouse();
    await migrate(warehouse);
  });
  beforeEach(async () => {
    stores = { ...(await openTestStores(tables)), warehouse };
    await warehouse.query('TRUNCATE dcf_valuations, symbol_metadata, enrichment_attempts');
  });
  afterAll(async () => {
    await warehouse.close();
    await tables.close();
  });

  function sourceOf(
    universe: readonly string[],
    vendor: ReturnType<typeof vendorOf>['vendor'],
    more: Partial<EnrichmentSource<Valuation>> = {},
  ): EnrichmentSource<Valuation> {
    return {
      task: 'sync-valuations',
      dataset: 'valuations',
      universe: async () => [...universe],
      nobody: 'nobody to value',
      refreshHours: 20,
      budget: 1000,
      concurrency: 4,
      vendors: { fmp: vendor },
      merge: (_symbol, { fmp }) => fmp as Valuation,
      store: (items, at) => storeValuations(warehouse, at, items),
      ...more,
    };
  }

  /** Goes round as the state machine does; the waits it was told. */
  async function enrichAll(source: EnrichmentSource<Valuation>, request = FIRST, call = LONG) {
    const waits: number[] = [];
    for (let round = 0; round < 400; round += 1) {
      const page: EnrichmentPage = await enrich(source, request, stores, call);
      if (page.done) return { page, waits };
      waits.push(page.waitSeconds);
    }
    throw new Error('the enrichment never ends');
  }

  const values = async () => {
    const rows = await warehouse.query('SELECT symbol, dcf FROM dcf_valuations ORDER BY symbol');
    return new Map(rows.map(({ symbol, dcf }) => [symbol, Number(dcf)]));
  };
  const quarantined = async (session = SESSION) => {
    const bytes = await stores.lake.read(keys.quarantine(session));
    const lines = bytes ? Buffer.from(bytes).toString().split('\n').filter(Boolean) : [];
    return lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  };

  const query = (sql: string) => warehouse.query(sql);
  return { rooms: () => stores, query, sourceOf, enrichAll, values, quarantined };
}
