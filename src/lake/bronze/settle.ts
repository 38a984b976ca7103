import { isNamed } from '../../errors.ts';
import { keys } from '../keys.ts';
import { jsonBytes, jsonIn, type Lake, listAll, replace, type Version } from '../lake.ts';
import { type ConsolidationCheckpoint, checkpointBytes } from './checkpoint.ts';
import { manifestBytes } from './manifest.ts';
import { mergeParts, type Part, type Settled } from './part.ts';

const TRIES = 50;

/** What a run found before it began. */
export interface Base {
  checkpoint: ConsolidationCheckpoint;
  storedManifest: Version;
  storedCheckpoint: Version;
}

export interface Settlement extends Settled {
  /** Whether the manifest had to be written. */
  written: boolean;
  reports: Part['report'][];
}

/**
 * Writes manifest and checkpoint of a run without shards.
 * @throws Lake.Conflict when another run has settled since this one began; its own data files are merged by the next
 */
export async function settle(lake: Lake, part: Part, base: Base): Promise<Settlement> {
  const settled = mergeParts(base.checkpoint, [part]);
  return { ...settled, written: await put(lake, settled, base), reports: [part.report] };
}

/**
 * Leaves the part of a shard; the shard that finds all parts there writes manifest and checkpoint. Two that end
 * together both try, and the one that is too late looks again, so the last state is made of the last parts.
 * @param beforeCommit what has to be said of all shards; once the checkpoint is written their parts are no longer read
 * @returns undefined while parts of other shards are missing
 * @throws Lake.Corrupt for a part that is not JSON
 */
export async function settleShard(
  lake: Lake,
  part: Part,
  base: Base,
  beforeCommit: (settled: Settled, reports: Part['report'][]) => Promise<void>,
): Promise<Settlement | undefined> {
  await lake.write(keys.consolidationPart(part.index, part.size), jsonBytes(part));
  for (let attempt = 1; ; attempt++) {
    const [storedManifest, storedCheckpoint] = await Promise.all([
      lake.open(keys.manifest),
      lake.open(keys.consolidated),
    ]);
    const parts = await allParts(lake, part);
    if (!parts) return undefined;
    const settled = mergeParts(base.checkpoint, parts);
    const reports = parts.map(({ report }) => report);
    await beforeCommit(settled, reports);
    try {
      const written = await put(lake, settled, { storedManifest, storedCheckpoint });
      return { ...settled, written, reports };
    } catch (error) {
      if (!isNamed(error, 'Lake.Conflict') || attempt === TRIES) throw error;
    }
  }
}

/** Removes the parts, those of runs that never came to their end too. */
export async function removeParts(lake: Lake): Promise<void> {
  const parts = await listAll(lake, keys.consolidationParts);
  await lake.remove(parts.map(({ key }) => key));
}

async function put(lake: Lake, { manifest, checkpoint }: Settled, base: Omit<Base, 'checkpoint'>): Promise<boolean> {
  const written = await replace(lake, keys.manifest, manifestBytes(manifest), base.storedManifest);
  await replace(lake, keys.consolidated, checkpointBytes(checkpoint), base.storedCheckpoint);
  return written;
}

async function allParts(lake: Lake, { size, view }: Part): Promise<Part[] | undefined> {
  const wanted = Array.from({ length: size }, (_, index) => keys.consolidationPart(index, size));
  const there = new Set((await listAll(lake, keys.consolidationParts)).map(({ key }) => key));
  if (!wanted.every((key) => there.has(key))) return undefined;
  const parts = await Promise.all(wanted.map(async (key) => jsonIn<Part>(key, await lake.read(key))));
  return parts.every((part) => part?.view === view) ? (parts as Part[]) : undefined;
}
