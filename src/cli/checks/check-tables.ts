import type { Lake } from '../../lake/lake.ts';
import type { Warehouse } from '../../warehouse/client.ts';
import enrichmentCounts from '../../warehouse/queries/enrichment-counts.sql';
import { lostHistories, lostMemberships, lostRuns, lostSplits } from '../repair/lost-rows.ts';
import { figure } from '../terminal.ts';
import type { Check, LakeTable } from './check.ts';

/** The warehouse's other tables against what the lake has of them. */
export async function checkTables(lake: Lake, warehouse: Warehouse): Promise<Check[]> {
  const runs = await lostRuns(lake, warehouse);
  const splits = await lostSplits(lake, warehouse);
  const members = await lostMemberships(lake, warehouse);
  const histories = await lostHistories(lake, warehouse);
  const lines = (count: number, text: string) => (count === 0 ? [] : [`${figure(count)} ${text}`]);
  return [
    tableCheck('nights', `${figure(runs.listed)} reports`, lines(runs.lost.length, 'runs with a report are not in it')),
    tableCheck(
      'splits',
      `${figure(splits.listed)} splits`,
      lines(splits.lost.length, 'splits of the newest list are not in it'),
    ),
    tableCheck(
      'index_members',
      `${figure(members.listed)} memberships`,
      lines(members.lost.length, 'memberships of the lists are not in it, or otherwise'),
    ),
    tableCheck(
      'symbol_history',
      `${figure(histories.listed)} symbols`,
      histories.lost.map(([dataset, what]) => `${dataset}: ${what}`),
    ),
    await checkEnrichment(warehouse),
  ];
}

function tableCheck(table: LakeTable, counted: string, problems: string[]): Check {
  const rebuild = problems.length > 0 ? { rebuild: [{ step: 'load-table' as const, table }] } : {};
  return { name: table, counted, problems, ...rebuild, repairs: [], notes: [] };
}

/** Company data and valuations lie in the warehouse alone. */
async function checkEnrichment(warehouse: Warehouse): Promise<Check> {
  const sets = await warehouse.query(enrichmentCounts);
  const empty = sets.filter(({ stored, brought }) => Number(stored) === 0 && Number(brought) > 0);
  return {
    name: 'enrichment',
    counted: sets.map(({ task, stored }) => `${figure(Number(stored))} by ${task}`).join(', '),
    problems: empty.map(({ task }) => `${task} has brought rows, its table is empty`),
    repairs: empty.map(({ task }) => `npx afterbell run ${task}`),
    notes: [],
  };
}
