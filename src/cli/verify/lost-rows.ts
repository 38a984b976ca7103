import type { Listed } from '../../checks/symbol-history.ts';
import { inFlight } from '../../concurrency.ts';
import { SYMBOL_LISTS } from '../../datasets/registry.ts';
import { columnName, lastList, listDates, readEvidence, readList } from '../../datasets/snapshots.ts';
import { type Lake, listAll } from '../../lake/lake.ts';
import type { Row } from '../../lake/parquet.ts';
import { readReport } from '../../lake/reports.ts';
import { PRICED_LIST } from '../../lake/symbol-history-file.ts';
import { pastDates } from '../../past/ticker-lists.ts';
import type { NightReport } from '../../records/run.ts';
import type { Warehouse } from '../../warehouse/client.ts';
import { knownRuns, readHistory } from '../../warehouse/reference.ts';

const READERS = 16;

/** Who a row of a list is, as the sync of that list says. */
export function identityOf(row: Row): Listed {
  const text = (field: string) => (row[columnName(field)] ? String(row[columnName(field)]) : undefined);
  const [figi, shareClassFigi, assetId] = [text('compositeFigi'), text('shareClassFigi'), text('id')];
  return {
    symbol: String(row.symbol),
    ...(figi && { figi }),
    ...(shareClassFigi && { shareClassFigi }),
    ...(assetId && { assetId }),
  };
}

/** The reports of runs that were closed, in order of key. */
export async function closedRuns(lake: Lake): Promise<NightReport[]> {
  const files = (await listAll(lake, 'reports/date='))
    .map(({ key }) => key)
    .filter((key) => /\/(night|run=[^/]*)\.json$/.test(key));
  const found = new Map<string, NightReport>();
  await inFlight(files, READERS, async (key) => {
    const report = await readReport(lake, key).catch(() => undefined);
    if (report) found.set(key, report);
  });
  return files.flatMap((key) => found.get(key) ?? []);
}

/** What the lake has for a table, and what of it the table lacks. */
export interface Lost<T> {
  listed: number;
  lost: T[];
}

/** Runs that left a report: the ledger has them too. */
export async function lostRuns(lake: Lake, warehouse: Warehouse): Promise<Lost<NightReport>> {
  const runs = await closedRuns(lake);
  const ids = runs.map(({ runId }) => runId);
  const known = await knownRuns(warehouse, ids);
  return { listed: runs.length, lost: runs.filter(({ runId }) => !known.has(runId)) };
}

/** Datasets whose history of symbols lacks something, and what. */
export async function lostHistories(lake: Lake, warehouse: Warehouse): Promise<Lost<[dataset: string, what: string]>> {
  const evidence = await readEvidence(warehouse);
  const lost: [string, string][] = [];
  let symbols = 0;
  for (const dataset of SYMBOL_LISTS) {
    const newest = await lastList(lake, dataset, evidence);
    const listed = newest === undefined ? [] : await readList(lake, dataset, newest);
    const stored = await readHistory(warehouse, dataset);
    symbols += stored.length;
    const open = new Set(stored.filter(({ validTo }) => validTo === null).map(({ symbol }) => symbol));
    const lacking = listed.filter(({ symbol }) => !open.has(String(symbol))).length;
    const begins = stored.map(({ validFrom }) => validFrom).sort()[0];
    const first = evidence.get(`sync-${dataset}`)?.first ?? '9999';
    const [past] = dataset === PRICED_LIST ? await pastDates(lake) : [];
    if (lacking > 0) lost.push([dataset, `${lacking} symbols of the list of ${newest} have no open row`]);
    else if (begins !== undefined && begins > first && (await listDates(lake, dataset)).includes(first))
      lost.push([dataset, `begins ${begins}, the first list is of ${first}`]);
    else if (past !== undefined && (begins === undefined || begins > past))
      lost.push([dataset, `begins ${begins ?? 'nowhere'}, the first list of the past is of ${past}`]);
  }
  return { listed: symbols, lost };
}
