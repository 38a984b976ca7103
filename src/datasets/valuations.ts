import { enrichmentBudget } from '../checks/enrichment-outcomes.ts';
import { readValuation, type Valuation } from '../records/valuation.ts';
import type { Call } from '../stores.ts';
import { readActiveTickers, readListedSymbols } from '../tables/reference-table.ts';
import { byFmpSymbol, type Fmp, fmpOf, fmpSymbol } from '../vendors/fmp.ts';
import { type Enriched, storeValuations } from '../warehouse/enrichment.ts';
import { currentMembers } from '../warehouse/reference.ts';
import type { BulkSource, EnrichmentDataset } from './dataset.ts';
import { INDEX } from './index-members.ts';

/** FMP recomputes a valuation every day. */
const REFRESH_HOURS = 20;
/** Below this, per-symbol calls are cheaper than the bulk file. */
const BULK_FROM = 100;

/** Valuations by discounted cash flow, in bulk or chunk by chunk, within the night's budget. */
export const valuations: EnrichmentDataset<Valuation> = {
  name: 'valuations',
  task: 'sync-valuations',
  vendors: ['fmp'],
  source: valuationSource,
};

/** FMP's discounted cash flow of every symbol in VALUATION_UNIVERSE, one row a symbol. */
function valuationSource(call: Call): ReturnType<EnrichmentDataset<Valuation>['source']> {
  const { config, warehouse, signal, secrets } = call;
  const { ENRICH_SYMBOLS: symbols, ENRICH_MINUTES: minutes, FMP_CALLS_PER_MINUTE: callsPerMinute } = config;
  const vendor = secrets.fmp && fmpOf(config, secrets.fmp);
  return {
    universe: () => valuationUniverse(config.VALUATION_UNIVERSE, call),
    nobody: `VALUATION_UNIVERSE (${config.VALUATION_UNIVERSE.join(',')}) names no symbol yet: index members need INDEX_MEMBERS_URI, holdings need the portfolio tables`,
    refreshHours: REFRESH_HOURS,
    budget: enrichmentBudget({ symbols, minutes, callsPerMinute: [callsPerMinute] }),
    concurrency: config.FMP_CONCURRENCY,
    vendors: vendor ? { fmp: { callsPerMinute, ask: (symbol, of) => askDcf(vendor, symbol, of) } } : {},
    merge: (_symbol, { fmp }) => fmp as Valuation,
    bulk: vendor && dcfBulk(vendor, signal),
    store: (items, at) => storeValuations(warehouse, at, items),
  };
}

/** The symbols behind the words `holdings`, `russell2000` and `all`, in this order; anything else is a symbol itself. */
export async function valuationUniverse(
  words: readonly string[],
  { config, tables, warehouse }: Pick<Call, 'config' | 'tables' | 'warehouse'>,
): Promise<string[]> {
  const found = new Set(words.filter((word) => !['holdings', 'russell2000', 'all'].includes(word)));
  const add = (symbols: readonly string[]) => {
    for (const symbol of symbols) found.add(symbol);
  };
  if (words.includes('holdings')) add(await readListedSymbols(tables, config.PORTFOLIO_POSITIONS_TABLE));
  if (words.includes('russell2000')) {
    add(await currentMembers(warehouse, INDEX));
  }
  if (words.includes('all')) {
    const active = await readActiveTickers(tables, config.TICKERS_TABLE);
    add(active.filter(({ market = 'stocks' }) => market === 'stocks').map(({ symbol }) => symbol));
  }
  return [...found];
}

async function askDcf(vendor: Fmp, symbol: string, call: { signal?: AbortSignal }) {
  const { rows, practice } = await vendor.dcf(symbol, call);
  return { reading: readValuation(symbol, fmpSymbol(symbol), rows), practice };
}

/** All valuations in one answer. A symbol that is not in it may have none, or have been cut off: it stays to be asked for. */
function dcfBulk(vendor: Fmp, signal: AbortSignal): BulkSource<Valuation> {
  return {
    vendor: 'fmp',
    from: BULK_FROM,
    isComplete: true,
    async part(_number, universe) {
      const { rows, practice } = await vendor.dcfBulk({ signal });
      const ours = byFmpSymbol(universe);
      const found = new Map<string, Enriched<Valuation>>();
      for (const row of rows as ({ symbol?: unknown } | null)[]) {
        const symbol = ours.get(String(row?.symbol));
        if (symbol !== undefined && !found.has(symbol)) found.set(symbol, enrichedBy(symbol, row));
      }
      return { items: [...found.values()], symbols: [...found.keys()], practice, last: true };
    },
  };
}

function enrichedBy(symbol: string, row: unknown): Enriched<Valuation> {
  const reading = readValuation(symbol, fmpSymbol(symbol), [row]);
  if (reading.kind === 'record') {
    return { record: reading.record, attempt: { symbol, ending: 'ok', reason: null, answer: null } };
  }
  const answer = reading.kind === 'invalid' ? reading.row : null;
  return { record: undefined, attempt: { symbol, ending: reading.kind, reason: reading.reason, answer } };
}
