import { readDay } from '../../calendar/dates.ts';
import { inFlight } from '../../concurrency.ts';
import { isNamed } from '../../errors.ts';
import { isStored, keys, type Lake } from '../../lake/lake.ts';
import { roomFor } from '../../lake/parquet.ts';
import { corruptFile } from '../../lake/parquet-columns.ts';
import { decodeSilver, encodeSilver, SILVER_COLUMNS, type SilverColumns } from '../../lake/silver.ts';
import type { MonthFile } from './crew.ts';
import { checkOrder, mergeRows } from './month-rows.ts';
import type { Interval, Prepared } from './prepare.ts';
import type { Findings, Pass } from './windows.ts';

/** Month files written or compared at once: enough to keep the disk busy, few enough to stay small. */
const FILES_AT_ONCE = 8;
/** Month files that are made in one call. */
const FILES_A_CALL = 8;

export interface MonthWork {
  interval: Interval;
  month: string;
  /** Place in the window table; undefined when no new row can be in it. */
  place: number | undefined;
}

/** Month files of a pass: those with new rows, those planned, and those where rows of a rebuilt symbol may lie. Pure. */
export function monthsOf({ intervals, windowTable, passes }: Pass, { full, anywhere }: Prepared): MonthWork[] {
  const all = passes.flat();
  return intervals.flatMap((interval) => {
    const { plan, stored } = interval;
    const months = new Set([...plan.months.keys(), ...(full || anywhere ? stored : [])]);
    const places = new Map<string, number>();
    for (const [place, { interval: number, month }] of windowTable.months.entries()) {
      if (number !== plan.interval) continue;
      if (all.some(({ starts }) => starts[place]! < starts[place + 1]!)) {
        months.add(month);
        places.set(month, place);
      }
    }
    return [...months].sort().map((month) => ({ interval, month, place: places.get(month) }));
  });
}

/**
 * Writes the month files of a pass and counts their rows.
 * @throws Lake.Corrupt when a stored file that must keep rows is damaged or gone and the run is not a full one
 */
export async function writeMonths(
  lake: Lake,
  pass: Pass,
  {
    prepared,
    findings,
    signal,
    wrote,
  }: { prepared: Prepared; findings: Findings; signal?: AbortSignal; wrote: (changed: boolean) => void },
): Promise<void> {
  const { full } = prepared;
  const write = async ({ interval, month }: MonthWork, made: MonthFile) => {
    const { plan, rows, stored, decoded } = interval;
    const key = keys.silver(plan.interval, month);
    const result = await writeMonth(lake, key, made, keeps(interval, month, prepared, findings), {
      // A full run has asked for a list of what is stored.
      missing: full && !stored.has(month) ? 'known' : full || !stored.has(month) ? 'fine' : 'wrong',
      decoded: decoded.get(month),
    }).catch((error) => {
      // A full run rebuilds a damaged file; only rows that could not be rebuilt are lost with it.
      if (!full || !isNamed(error, 'Lake.Corrupt')) throw error;
      return writeMonth(lake, key, made, undefined);
    });
    decoded.delete(month);
    if (result.rows > 0) rows.set(month, result.rows);
    else rows.delete(month);
    wrote(result.written);
  };
  const some = async (group: MonthWork[]) => {
    const months = group.flatMap(({ place }) => place ?? []);
    const files = await pass.crew.files(months);
    const made = new Map(months.map((place, i) => [place, files[i]!]));
    await inFlight(group, FILES_AT_ONCE, (one) => write(one, made.get(one.place ?? -1) ?? NO_ROWS), signal);
  };
  // One more than are worked on, so that files are written meanwhile.
  await inFlight(groupsOf(monthsOf(pass, prepared)), pass.crew.size + 1, some, signal);
}

function groupsOf(months: readonly MonthWork[]): MonthWork[][] {
  const groups: MonthWork[][] = [];
  for (const one of months) {
    const last = groups.at(-1);
    if (last && last.length < FILES_A_CALL) last.push(one);
    else groups.push([one]);
  }
  return groups;
}

function keeps({ plan }: Interval, month: string, { full, whole }: Prepared, { damaged }: Findings): Keeps {
  if (full) return damaged.size === 0 ? undefined : (symbol) => damaged.has(symbol);
  // A planned month whose file was lost has every window rebuilt.
  if (plan.months.get(month)?.keep === false && damaged.size === 0) return undefined;
  const rebuilt = new Set([...plan.windows.keys()].map((first) => readDay(first)!));
  // The usual night: a look less for every stored row.
  if (damaged.size + whole.size === 0) return (_, day) => !rebuilt.has(day);
  return (symbol, day) => damaged.has(symbol) || !(whole.has(symbol) || rebuilt.has(day));
}

const NO_ROWS: MonthFile = { rows: 0, bytes: new Uint8Array() };

/** Which rows of the stored file stay; undefined = none, so that it need not be decoded. */
export type Keeps = ((symbol: string, day: number) => boolean) | undefined;

/**
 * Writes one month file: the new rows and the stored ones that stay. Unchanged bytes are not written, a month without
 * rows is removed, what is written is read back.
 * @param missing whether it is wrong that nothing is stored, or known to be so
 * @param decoded the stored rows, when the caller has read them already
 * @returns rows in the file, and whether it changed
 * @throws Lake.Corrupt when the stored file cannot be read and rows of it have to stay, or what is read back differs;
 *   Job.Failed when the rows are not in order
 */
export async function writeMonth(
  lake: Lake,
  key: string,
  made: MonthFile,
  keeps: Keeps,
  { missing, decoded }: { missing: 'fine' | 'known' | 'wrong'; decoded?: SilverColumns } = { missing: 'fine' },
): Promise<{ rows: number; written: boolean }> {
  const bytes = missing === 'known' ? undefined : await lake.read(key);
  if (!bytes && missing === 'wrong') throw corruptFile(key, 'nothing, although the checkpoint counts rows in it');
  const { rows, bytes: meant } = bytes && keeps ? await merged(key, bytes, decoded, keeps, made) : made;
  if (rows === 0) {
    if (bytes) await lake.remove([key]);
    return { rows, written: bytes !== undefined };
  }
  if (bytes && Buffer.compare(bytes, meant) === 0) return { rows, written: false };
  await lake.write(key, meant);
  if (!(await isStored(lake, key, meant)))
    throw corruptFile(key, `other bytes read back than the ${meant.length} that were written`);
  return { rows, written: true };
}

async function merged(
  key: string,
  bytes: Uint8Array,
  decoded: SilverColumns | undefined,
  keeps: NonNullable<Keeps>,
  made: MonthFile,
): Promise<MonthFile> {
  const fresh = await decodeSilver(made.rows === 0 ? encodeSilver(roomFor(SILVER_COLUMNS, 0)) : made.bytes, key);
  const rows = mergeRows(decoded ?? (await decodeSilver(bytes, key)), keeps, fresh);
  checkOrder(rows, key);
  return { rows: rows.date.length, bytes: encodeSilver(rows) };
}
