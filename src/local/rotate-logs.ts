import { readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';

/** A log that is larger when a command opens the data directory is set aside. */
export const LOG_BYTES = 20e6;
/** So many of each are kept. */
const KEPT = 4;

/** Sets large logs aside as `x.jsonl.1`, the newest, to `x.jsonl.4`. The caller owns the data directory. */
export async function rotateLogs(folder: string, most = LOG_BYTES): Promise<void> {
  for (const name of await readdir(folder)) {
    if (!/\.(jsonl|log)$/.test(name)) continue;
    const path = join(folder, name);
    if ((await stat(path)).size <= most) continue;
    const old = (await setAside(path)).map((one) => one.number);
    for (const number of old.reverse()) {
      if (number >= KEPT) await rm(`${path}.${number}`);
      else await rename(`${path}.${number}`, `${path}.${number + 1}`);
    }
    await rename(path, `${path}.1`);
  }
}

/** What of a log was set aside, the newest first. */
export async function setAside(path: string): Promise<{ path: string; number: number }[]> {
  const [folder, name] = [join(path, '..'), path.slice(path.lastIndexOf('/') + 1)];
  const numbers = (await readdir(folder).catch(() => []))
    .filter((entry) => entry.startsWith(`${name}.`) && /^[1-9]\d*$/.test(entry.slice(name.length + 1)))
    .map((entry) => Number(entry.slice(name.length + 1)));
  return numbers.sort((a, b) => a - b).map((number) => ({ path: `${path}.${number}`, number }));
}
