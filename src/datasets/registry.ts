import type { Column, ColumnType } from '../lake/parquet.ts';
import type { Enrichment, Lane } from '../records/run.ts';

/** Which functions ask which vendor, in order; one lane a vendor, so that its pace is kept without a shared limiter. */
export const LANES: readonly Lane[] = [
  { vendor: 'polygon', tasks: ['sync-tickers', 'sync-splits'], round: 0 },
  { vendor: 'alpaca', tasks: ['sync-assets'], round: 0 },
  // Members are found in the list of tickers or, when its vendor is down, of assets.
  { vendor: 'ishares', tasks: ['sync-index-members'], round: 1 },
];

/** What is asked for symbol by symbol after prices, and of whom; one of its vendors' keys is enough. */
export const ENRICHMENTS: readonly Enrichment[] = [
  { task: 'sync-metadata', vendors: ['polygon', 'fmp'] },
  { task: 'sync-valuations', vendors: ['fmp'] },
];

/** A complete sync younger than this is not repeated. */
export const FRESH_HOURS = 20;

export const DATASET_OF_TASK: Readonly<Record<string, string>> = {
  'sync-tickers': 'tickers',
  'sync-splits': 'splits',
  'sync-assets': 'assets',
  'sync-index-members': 'index_members',
  'sync-metadata': 'metadata',
  'sync-valuations': 'valuations',
};

/** Every field of a dataset's records after `symbol`, with its column type in the dated snapshots. */
export const FIELDS: Readonly<Record<string, Readonly<Record<string, ColumnType>>>> = {
  tickers: {
    name: 'text',
    market: 'text',
    locale: 'text',
    primaryExchange: 'text',
    type: 'text',
    active: 'boolean',
    currencyName: 'text',
    currencySymbol: 'text',
    baseCurrencyName: 'text',
    baseCurrencySymbol: 'text',
    cik: 'text',
    compositeFigi: 'text',
    shareClassFigi: 'text',
    delistedUtc: 'text',
    lastUpdatedUtc: 'text',
  },
  splits: {
    executionDate: 'date',
    splitFrom: 'double',
    splitTo: 'double',
    adjustmentType: 'text',
    historicalAdjustmentFactor: 'double',
  },
  index_members: { index: 'text', holdingsOf: 'date', weight: 'double' },
  assets: {
    id: 'text',
    name: 'text',
    assetClass: 'text',
    exchange: 'text',
    status: 'text',
    tradable: 'boolean',
    cusip: 'text',
    marginable: 'boolean',
    maintenanceMarginRequirement: 'double',
    marginRequirementLong: 'double',
    marginRequirementShort: 'double',
    shortable: 'boolean',
    easyToBorrow: 'boolean',
    borrowStatus: 'text',
    fractionable: 'boolean',
    attributes: 'text',
    minOrderSize: 'double',
    minTradeIncrement: 'double',
    priceIncrement: 'double',
  },
};

/** `primaryExchange` in items is `primary_exchange` in SQL. */
export function columnName(field: string): string {
  return field.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

/** Columns of `reference/{dataset}/date=….parquet`, in snake case. */
export function snapshotColumns(dataset: string): Column[] {
  const fields = Object.entries(FIELDS[dataset] ?? {});
  return [
    { name: 'symbol', type: 'text' },
    ...fields.map(([field, type]) => ({ name: columnName(field), type, nullable: true })),
  ];
}
