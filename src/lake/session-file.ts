import { createHash } from 'node:crypto';
import type { Bar } from '../records/bar.ts';
import { decodeBars } from './bars.ts';
import { type Ingest, writeIngest } from './ingest.ts';
import { keys } from './keys.ts';
import type { Lake } from './lake.ts';

/** The bars of a session's file; none where there is no file. @throws Lake.Corrupt, naming the key */
export async function storedBars(lake: Lake, date: string): Promise<Bar[]> {
  const key = keys.session(date);
  const bytes = await lake.read(key);
  return bytes ? decodeBars(bytes, key) : [];
}

/** sha256 of a session file, as its manifest has it. */
export function checksumOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/**
 * Writes the manifest of a session file that is in place, which makes it count; one that says the same already stays.
 * @param file its rows and bytes, and symbols that the version before it had in addition
 * @param about where it comes from
 * @param before the manifest it takes the place of; what it lists as removed stays so, unless it is back
 */
export async function recordSession(
  lake: Lake,
  date: string,
  file: { bars: readonly Bar[]; bytes: Uint8Array; removed?: readonly string[] },
  about: Pick<Ingest, 'rejected' | 'source' | 'runId' | 'ingestedAt'>,
  before: Ingest | undefined,
): Promise<void> {
  const { bars, bytes } = file;
  const { rejected, source, runId, ingestedAt } = about;
  const checksum = checksumOf(bytes);
  const present = new Set(bars.map(({ symbol }) => symbol));
  const gone = new Set([...(before?.removed ?? []), ...(file.removed ?? [])].filter((symbol) => !present.has(symbol)));
  const removed = [...gone].sort();
  const isSame = before?.checksum === checksum && before.rejected === rejected;
  if (isSame && removed.length === before.removed.length) return;
  await writeIngest(lake, { date, rows: bars.length, rejected, checksum, removed, source, runId, ingestedAt });
}
