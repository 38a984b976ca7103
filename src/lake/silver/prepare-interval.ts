import { isNamed } from '../../errors.ts';
import { keys } from '../keys.ts';
import { type Lake, listAll } from '../lake.ts';
import type { LakeState } from './lake-state.ts';
import { type IntervalPlan, type PlanInput, planInterval } from './plan.ts';
import { readSilverCheckpoint } from './silver-checkpoint.ts';
import { decodeSilver } from './silver-columns.ts';

/** One interval's work: its plan, and the rows of its month files as they come to be. */
export interface Interval {
  plan: IntervalPlan;
  rows: Map<string, number>;
}

/** Reads the interval's checkpoint, lists its files and plans. */
export async function prepareInterval(
  lake: Lake,
  interval: number,
  mode: PlanInput['mode'],
  state: LakeState,
): Promise<Interval> {
  const [checkpoint, entries] = await Promise.all([
    readSilverCheckpoint(lake, interval),
    listAll(lake, keys.silverOf(interval)),
  ]);
  const months = entries.map(({ key }) => /_(\d{4})(\d{2})\.parquet$/.exec(key)).filter((match) => match !== null);
  const stored = new Set(months.map(([, year, month]) => `${year}-${month}`));
  let plan = planInterval({ interval, mode, state, checkpoint, stored });
  const damaged = await damagedMonths(lake, plan);
  if (damaged.length > 0) {
    for (const month of damaged) stored.delete(month);
    plan = planInterval({ interval, mode, state, checkpoint, stored });
  }
  const rows = new Map(plan.full ? [] : Object.entries(checkpoint?.months ?? {}));
  return { plan, rows };
}

/** Silver follows from bronze, so a damaged month file is no loss: its windows are all made anew. */
async function damagedMonths(lake: Lake, { interval, months }: IntervalPlan): Promise<string[]> {
  const damaged: string[] = [];
  for (const [month, { keep }] of months) {
    const key = keys.silver(interval, month);
    const bytes = keep ? await lake.read(key) : undefined;
    try {
      if (bytes) await decodeSilver(bytes, key);
    } catch (error) {
      if (!isNamed(error, 'Lake.Corrupt')) throw error;
      damaged.push(month);
    }
  }
  return damaged;
}
