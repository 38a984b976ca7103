import { enrichmentBudget } from '../checks/enrichment-outcomes.ts';
import { type Company, companyOf, type Details, type Profile, readDetails, readProfile } from '../records/company.ts';
import type { Call } from '../stores.ts';
import { readActiveTickers } from '../tables/reference-table.ts';
import { byFmpSymbol, type Fmp, fmpOf, fmpSymbol } from '../vendors/fmp.ts';
import { type Polygon, polygonOf } from '../vendors/polygon.ts';
import { type Enriched, storeCompanies } from '../warehouse/enrichment.ts';
import type { AskedVendor, BulkSource, EnrichmentDataset } from './dataset.ts';

/** Names and sectors change rarely, and each answer costs a call. */
const REFRESH_HOURS = 7 * 24;
/** Below this, per-symbol calls are cheaper than the bulk file. */
const BULK_FROM = 100;
/** Parts of profile-bulk there are at most, by far. */
const MOST_PARTS = 50;

/** Company details, chunk by chunk, within the night's budget. */
export const metadata: EnrichmentDataset<Company> = {
  name: 'metadata',
  task: 'sync-metadata',
  vendors: ['polygon', 'fmp'],
  source: metadataSource,
};

/**
 * Company details of every active listing of the types in METADATA_TYPES: Polygon's overview and, where there is a
 * key, FMP's profile, whose name, sector and industry are preferred.
 */
function metadataSource(call: Call): ReturnType<EnrichmentDataset<Company>['source']> {
  const { config, tables, warehouse, signal, secrets } = call;
  const { ENRICH_SYMBOLS: symbols, ENRICH_MINUTES: minutes } = config;
  const fmp = secrets.fmp && fmpOf(config, secrets.fmp);
  const vendors: Record<string, AskedVendor> = {};
  if (secrets.polygon) vendors.polygon = detailsOf(polygonOf(config, secrets.polygon), config.POLYGON_CALLS_PER_MINUTE);
  if (fmp) vendors.fmp = profilesOf(fmp, config.FMP_CALLS_PER_MINUTE);
  const callsPerMinute = Object.values(vendors).map((vendor) => vendor.callsPerMinute);
  const types = new Set(config.METADATA_TYPES);
  return {
    universe: async () => {
      const active = await readActiveTickers(tables, config.TICKERS_TABLE);
      return active.filter(({ type }) => type === undefined || types.has(type)).map(({ symbol }) => symbol);
    },
    nobody: 'no active ticker of METADATA_TYPES is known yet; it needs one complete sync-tickers',
    refreshHours: REFRESH_HOURS,
    budget: enrichmentBudget({ symbols, minutes, callsPerMinute }),
    concurrency: config.FMP_CONCURRENCY,
    vendors,
    merge: (symbol, { polygon, fmp: profile }) =>
      companyOf(symbol, { details: polygon as Details | undefined, profile: profile as Profile | undefined }),
    bulk: fmp && profileBulk(fmp, signal),
    store: (items, at) => storeCompanies(warehouse, at, items),
  };
}

function detailsOf(vendor: Polygon, callsPerMinute: number): AskedVendor {
  return {
    callsPerMinute,
    async ask(symbol, call) {
      const { row, practice } = await vendor.details(symbol, call);
      return { reading: readDetails(symbol, row), practice };
    },
  };
}

function profilesOf(vendor: Fmp, callsPerMinute: number): AskedVendor {
  return {
    callsPerMinute,
    async ask(symbol, call) {
      const { rows, practice } = await vendor.profile(symbol, call);
      return { reading: readProfile(fmpSymbol(symbol), rows), practice };
    },
  };
}

/** Profiles of all symbols; what only Polygon knows, and a profile that is not in it, are asked for symbol by symbol. */
function profileBulk(vendor: Fmp, signal: AbortSignal): BulkSource<Company> {
  return {
    vendor: 'fmp',
    from: BULK_FROM,
    isComplete: false,
    async part(number, universe) {
      const { rows, practice } = await vendor.profileBulk(number, { signal });
      const ours = byFmpSymbol(universe);
      const found = new Map<string, Enriched<Company>>();
      for (const row of rows as ({ symbol?: unknown } | null)[]) {
        const asked = String(row?.symbol);
        const symbol = ours.get(asked);
        const reading = symbol === undefined ? undefined : readProfile(asked, [row]);
        if (reading?.kind !== 'record' || symbol === undefined) continue;
        found.set(symbol, { attempt: undefined, record: companyOf(symbol, { profile: reading.record }) });
      }
      const last = rows.length === 0 || number === MOST_PARTS;
      return { items: [...found.values()], symbols: [...found.keys()], practice, last };
    },
  };
}
