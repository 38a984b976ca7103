import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { removeLast } from '../local/last-steps.ts';

/** Gives `work` a temporary folder that goes with it, however the command ends short of a kill. */
export async function withScratch<T>(purpose: string, work: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), `afterbell-${purpose}-`));
  const removed = removeLast(folder);
  try {
    return await work(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
    removed();
  }
}
