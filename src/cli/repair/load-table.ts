import type { Lake } from '../../lake/lake.ts';
import { INDEX } from '../../night/index-members.ts';
import { closeLedger, summaryOf, timestamp } from '../../night/ledger.ts';
import { splitKey } from '../../records/split.ts';
import type { Warehouse } from '../../warehouse/client.ts';
import reopenHistory from '../../warehouse/queries/reopen-symbol-history.sql';
import restoreNight from '../../warehouse/queries/restore-night.sql';
import { restoreMembers } from '../../warehouse/restore.ts';
import { storeSplits } from '../../warehouse/splits.ts';
import { readHistory, writeHistory } from '../../warehouse/symbol-history.ts';
import type { LakeTable } from '../checks/check.ts';
import { firstSeenSplits, identityOf, listDates, readList, replayHistory } from './lake-lists.ts';
import { lostHistories, lostMemberships, lostRuns, lostSplits } from './lost-rows.ts';

type Load = (lake: Lake, warehouse: Warehouse) => Promise<number>;

/** Brings one table to what the lake has for it; how many rows were written. Killed anywhere, it is done again. */
export const LOADS: Readonly<Record<LakeTable, Load>> = {
  nights: loadRuns,
  splits: loadSplits,
  index_members: loadMembers,
  symbol_history: loadHistories,
};

/** Tasks first: a night that is there counts as restored. */
async function loadRuns(lake: Lake, warehouse: Warehouse): Promise<number> {
  const { lost } = await lostRuns(lake, warehouse);
  for (const run of lost) {
    await closeLedger({ ...run, releasedRun: null }, warehouse);
    await warehouse.query(restoreNight, {
      run_id: run.runId,
      session: run.session,
      kind: run.kind,
      status: run.status,
      started_at: timestamp(run.startedAt),
      completed_at: timestamp(run.completedAt),
      reasons: JSON.stringify(run.reasons),
      summary: summaryOf(run),
    });
  }
  return lost.length;
}

async function loadSplits(lake: Lake, warehouse: Warehouse): Promise<number> {
  const { lost } = await lostSplits(lake, warehouse);
  const first = await firstSeenSplits(lake);
  for (const date of new Set(lost.map((split) => first.get(splitKey(split))!))) {
    const written = lost.filter((split) => first.get(splitKey(split)) === date);
    await storeSplits(warehouse, date, { written, gone: [] });
  }
  return lost.length;
}

async function loadMembers(lake: Lake, warehouse: Warehouse): Promise<number> {
  const { lost } = await lostMemberships(lake, warehouse);
  const [first = ''] = await listDates(lake, 'index_members');
  await restoreMembers(warehouse, { index: INDEX, first }, lost);
  return lost.length;
}

async function loadHistories(lake: Lake, warehouse: Warehouse): Promise<number> {
  const { lost } = await lostHistories(lake, warehouse);
  let written = 0;
  for (const [dataset] of lost) {
    const dates = await listDates(lake, dataset);
    await warehouse.query(reopenHistory, { dataset, first: dates[0]! });
    const lists: [string, ReturnType<typeof identityOf>[]][] = [];
    for (const date of dates) lists.push([date, (await readList(lake, dataset, date)).map(identityOf)]);
    const rows = replayHistory(await readHistory(warehouse, dataset), lists);
    await writeHistory(warehouse, dataset, rows);
    written += rows.length;
  }
  return written;
}
