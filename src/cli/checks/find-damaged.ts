import { isSameCalendar } from '../../calendar/sessions.ts';
import { isNamed } from '../../errors.ts';
import { decodeBarColumns } from '../../lake/bronze/bar-columns.ts';
import { readConsolidated } from '../../lake/bronze/checkpoint.ts';
import { manifestIn } from '../../lake/bronze/manifest.ts';
import { inFlight } from '../../lake/in-flight.ts';
import { keys } from '../../lake/keys.ts';
import { type Lake, listAll, readJson } from '../../lake/lake.ts';
import { placeIn } from '../../lake/place.ts';
import { readSilverCheckpoint } from '../../lake/silver/silver-checkpoint.ts';
import { decodeSilver } from '../../lake/silver/silver-columns.ts';
import { readSplits } from '../../lake/silver/splits.ts';
import type { Check, Rebuild } from './check.ts';

const READERS = 8;

/** Checkpoints, the manifest and the list of splits are few and small: read whole by every verify. */
export async function checkCheckpoints(lake: Lake, intervals: readonly number[]): Promise<Check> {
  const problems: string[] = [];
  const rebuild: Rebuild[] = [];
  const damaged = (key: string, ...steps: Rebuild[]) => {
    problems.push(`${placeIn(lake, key)} is damaged`);
    rebuild.push(...steps);
  };
  const bytes = await lake.read(keys.manifest);
  if (bytes && !(await manifestIn(bytes))) damaged(keys.manifest, { step: 'consolidate' });
  if (!(await isJson(lake, keys.consolidated)))
    damaged(keys.consolidated, { step: 'remove', keys: [keys.consolidated] }, { step: 'consolidate' });
  for (const interval of intervals) {
    const key = keys.silverCheckpoint(interval);
    const resample: Rebuild = { step: 'resample', intervals: [interval] };
    if (!(await isJson(lake, key))) {
      damaged(key, { step: 'remove', keys: [key] }, resample);
      continue;
    }
    const calendar = (await readSilverCheckpoint(lake, interval))?.calendar;
    if (!calendar || isSameCalendar(calendar)) continue;
    problems.push(`the exchange calendar has changed since the ${interval}-session bars were made`);
    rebuild.push(resample);
  }
  const repairs: string[] = [];
  await readSplits(lake).catch((error: Error) => {
    if (!isNamed(error, 'Lake.Corrupt')) throw error;
    problems.push(error.message);
    repairs.push('npx afterbell run sync-splits');
  });
  return { name: 'checkpoints', counted: `${intervals.length + 3} looked at`, problems, rebuild, repairs, notes: [] };
}

async function isJson(lake: Lake, key: string): Promise<boolean> {
  return readJson(lake, key).then(
    () => true,
    (error: Error) => {
      if (isNamed(error, 'Lake.Corrupt')) return false;
      throw error;
    },
  );
}

/**
 * Where a reader would stop, or has stopped (`message`), at the first damaged file: every one, and what makes it anew. A history is made anew from
 * the session files once the damaged one is out of the way; one that may have rows which lie nowhere else stays.
 */
export async function findDamaged(lake: Lake, message?: string): Promise<Check> {
  const histories = await damagedOf(lake, 'bronze/raw_ohlcv/symbol=', /\/data\.parquet$/, decodeBarColumns);
  const months = await damagedOf(lake, 'silver/silver_', /\.parquet$/, decodeSilver);
  const notes = ['history, N-session bars: not recounted; mend what is named first and verify again'];
  const check = { name: 'derived files', counted: 'each opened', notes };
  const problems = [...histories, ...months].map((key) => `${placeIn(lake, key)} cannot be read`);
  if (problems.length === 0 && message === undefined) return { ...check, problems, repairs: [] };
  if (problems.length === 0) {
    // Readable one by one, and yet not all together: nothing that could be made anew is known.
    return {
      ...check,
      problems: [`a file cannot be read: ${message}`],
      repairs: ['npx afterbell run resample --mode full'],
    };
  }
  const outside = await outsideDates(lake);
  const stay = outside === undefined || outside.length > 0 ? histories : [];
  const gone = [...histories.filter((key) => !stay.includes(key)), ...months];
  const intervals = [...new Set(months.map((key) => Number(/silver_(\d+)d\//.exec(key)?.[1])))];
  const rebuild: Rebuild[] = [
    ...(gone.length > 0 ? [{ step: 'remove' as const, keys: gone }] : []),
    ...(histories.length > stay.length ? [{ step: 'consolidate' as const }] : []),
    ...(intervals.length > 0 ? [{ step: 'resample' as const, intervals }] : []),
  ];
  const why = outside ? `rows of ${outside.length} dates up to ${outside.at(-1)} are` : 'it may have rows that are';
  const repairs = stay.map((key) => `put an older version of ${placeIn(lake, key)} back: ${why} in no session file`);
  return { ...check, problems, rebuild, repairs };
}

/** Dates with rows that came from elsewhere than a session file; undefined when nobody knows. */
async function outsideDates(lake: Lake): Promise<string[] | undefined> {
  const checkpoint = await readConsolidated(lake).catch(() => undefined);
  return checkpoint?.outside && Object.keys(checkpoint.outside).sort();
}

async function damagedOf(
  lake: Lake,
  prefix: string,
  name: RegExp,
  decode: (bytes: Uint8Array, key: string) => Promise<unknown>,
): Promise<string[]> {
  const found = (await listAll(lake, prefix)).map(({ key }) => key).filter((key) => name.test(key));
  const damaged: string[] = [];
  await inFlight(found, READERS, async (key) => {
    const bytes = await lake.read(key);
    if (!bytes) return;
    await decode(bytes, key).catch((error: Error) => {
      if (!isNamed(error, 'Lake.Corrupt')) throw error;
      damaged.push(key);
    });
  });
  return damaged.sort();
}
