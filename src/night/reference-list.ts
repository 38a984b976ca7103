import { NamedError } from '../errors.ts';
import type { Listing } from '../records/listings.ts';
import { readKnown } from '../tables/reference-table.ts';
import type { Stores } from './stores.ts';

/**
 * Every exchange-listed symbol of the ticker table, or of the asset table as long as no ticker sync was ever
 * complete: a table that is still filling up would make members of an index look unknown.
 * @throws NamedError `Data.Invalid` before either was complete
 */
export async function readListings({
  config,
  runs,
  tables,
}: Pick<Stores, 'config' | 'runs' | 'tables'>): Promise<Listing[]> {
  const listed = async (table: string, isListed: (values: Readonly<Record<string, unknown>>) => boolean) => {
    const rows = [...(await readKnown(tables, table)).values()].filter(({ values }) => isListed(values));
    return rows.map(({ key: symbol, active }) => ({ symbol, active }));
  };
  const tickers = (await runs.lastSync('tickers')) && (await listed(config.TICKERS_TABLE, isStock));
  if (tickers && tickers.length > 0) return tickers;
  if (await runs.lastSync('assets')) return listed(config.ASSETS_TABLE, ({ exchange }) => exchange !== 'OTC');
  throw new NamedError('Data.Invalid', {
    what: 'There is no reference list to find the members in',
    wanted: 'one complete sync of tickers or assets',
    todo: 'Run `afterbell run sync-tickers` first; the next night does both.',
  });
}

function isStock({ market }: Readonly<Record<string, unknown>>): boolean {
  return market === 'stocks';
}
