import { readConsolidated } from '../../lake/bronze/checkpoint.ts';
import type { Lake } from '../../lake/lake.ts';
import { placeIn } from '../place.ts';

const HISTORY = /bronze\/raw_ohlcv\/symbol=[^/]+\/data\.parquet/;
const REBUILD = 'npx afterbell run consolidate --mode full';
const RESAMPLE = 'npx afterbell run resample --mode full';

/**
 * What mends a derived file that cannot be read, by the reader's message. A history is made anew from the session
 * files once the damaged one is out of the way; no job takes it away by itself, as an adopted lake may have rows in it
 * that lie nowhere else.
 */
export async function repairDerived(lake: Lake, message: string): Promise<string[]> {
  const key = HISTORY.exec(message)?.[0];
  if (key === undefined) return [RESAMPLE];
  const outside = Object.keys((await readConsolidated(lake).catch(() => undefined))?.outside ?? {});
  const place = placeIn(lake, key);
  if (outside.length > 0) {
    return [
      `put an older version of ${place} back: rows of ${outside.length} dates up to ${outside.sort().at(-1)} are in no session file`,
    ];
  }
  const remove = place.startsWith('s3://') ? `aws s3 rm '${place}'` : `rm '${place}'`;
  return [remove, REBUILD];
}
