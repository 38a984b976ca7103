import type { Column } from '../lake/parquet.ts';
import type { ListView } from '../lake/views.ts';
import type { Enrichment, Lane } from '../records/run.ts';
import { assets } from './assets.ts';
import type { AnyList, EnrichmentDataset, StoredList } from './dataset.ts';
import { dividends } from './dividends.ts';
import { indexMembers } from './index-members.ts';
import { metadata } from './metadata.ts';
import { columnsOf } from './snapshots.ts';
import { splits } from './splits.ts';
import { tickers } from './tickers.ts';
import { valuations } from './valuations.ts';

/** Every reference list, in the order in which one vendor's are asked for. */
export const LISTS: readonly AnyList[] = [tickers, splits, dividends, assets, indexMembers];

/** What is asked for symbol by symbol, after prices. */
export const ENRICHMENT_DATASETS: readonly Omit<EnrichmentDataset<unknown>, 'source'>[] = [metadata, valuations];

/** Which functions ask which vendor, in order; one lane a vendor, so that its pace is kept without a shared limiter. */
export const LANES: readonly Lane[] = lanesOf(LISTS);

export const ENRICHMENTS: readonly Enrichment[] = ENRICHMENT_DATASETS.map(({ task, vendors }) => ({
  task,
  vendors: [...vendors],
}));

/** A complete sync younger than this is not repeated. */
export const FRESH_HOURS = 20;

export const DATASET_OF_TASK: Readonly<Record<string, string>> = Object.fromEntries(
  [...LISTS, ...ENRICHMENT_DATASETS].map(({ task, name }) => [task, name]),
);

/** Lists that lie in the warehouse too, in a table of their name. */
export const STORED_LISTS: readonly { name: string; stored: StoredList }[] = LISTS.flatMap(({ name, stored }) =>
  stored ? [{ name, stored }] : [],
);

/** Lists whose symbols have a history of who carried them. */
export const SYMBOL_LISTS: readonly string[] = LISTS.filter(({ identity }) => identity).map(({ name }) => name);

/** What `query` shows of each list. */
export const LIST_VIEWS: readonly ListView[] = LISTS.map(({ name, fields, view, identity }) => ({
  dataset: name,
  name: view?.name ?? name,
  every: view?.every ?? false,
  columns: view?.columns ?? columnsOf(fields),
  changes: identity !== undefined,
}));

/** Columns of a list's snapshots. */
export function snapshotColumns(dataset: string): Column[] {
  return columnsOf(LISTS.find(({ name }) => name === dataset)!.fields);
}

function lanesOf(lists: readonly AnyList[]): Lane[] {
  const lanes: Lane[] = [];
  for (const { vendor, round, task } of lists) {
    const lane = lanes.find((one) => one.vendor === vendor && one.round === round);
    if (lane) lane.tasks.push(task);
    else lanes.push({ vendor, tasks: [task], round });
  }
  return lanes.sort((a, b) => a.round - b.round);
}
