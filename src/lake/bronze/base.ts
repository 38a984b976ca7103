import { keys } from '../keys.ts';
import { jsonIn, type Lake } from '../lake.ts';
import { type ConsolidationCheckpoint, NOTHING_CONSOLIDATED } from './checkpoint.ts';
import { type Manifest, manifestIn } from './manifest.ts';
import type { Base } from './settle.ts';

/**
 * Manifest and checkpoint as a run finds them.
 * @throws Lake.Corrupt when the checkpoint is not JSON
 */
export async function openBase(lake: Lake): Promise<Base & { manifest: Manifest }> {
  const [storedManifest, storedCheckpoint] = await Promise.all([
    lake.open(keys.manifest),
    lake.open(keys.consolidated),
  ]);
  const checkpoint = jsonIn<ConsolidationCheckpoint>(keys.consolidated, storedCheckpoint?.bytes);
  const manifest = await manifestIn(storedManifest?.bytes);
  // One without the other says nothing: then every source is new, and every stored row is looked at.
  const known = checkpoint?.sessions && checkpoint.dateFiles && manifest;
  return {
    storedManifest,
    storedCheckpoint,
    checkpoint: known ? checkpoint : NOTHING_CONSOLIDATED,
    manifest: known ? manifest : new Map(),
  };
}
