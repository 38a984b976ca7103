import { type Asset, assetIdentity, parseAssets } from '../records/asset.ts';
import { alpacaOf } from '../vendors/alpaca.ts';
import { type ListDataset, tableSink } from './dataset.ts';
import type { Fields } from './snapshots.ts';

const fields = {
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
} as const satisfies Fields;

/** Alpaca's asset list: what can be traded, and how. */
export const assets: ListDataset<Asset> = {
  name: 'assets',
  task: 'sync-assets',
  vendor: 'alpaca',
  round: 0,
  fields,
  identity: assetIdentity,
  source: (_request, { config, secrets, signal, tables }) => ({
    partitions: ['us_equity'],
    // Opened when it is asked: a withheld list is released without a key.
    pages: () => alpacaOf(config, secrets.alpaca).assetPages({ signal }),
    parse: parseAssets,
    keyOf: ({ symbol }) => symbol,
    sink: tableSink(tables, config.ASSETS_TABLE, fields),
  }),
};
