import { randomUUID } from 'node:crypto';
import { unlinkSync, writeFileSync } from 'node:fs';
import { link, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';

const POLL_MS = 5;
/** The work takes milliseconds; a lock this old was left behind, even if its process id is in use again. */
const LEFT_BEHIND_MS = 10_000;

/**
 * Runs `work` while no other process on this machine holds the lock file `path`; waits for a living holder, passes
 * over a dead one. The folder of `path` must exist.
 */
export async function exclusively<T>(path: string, work: () => Promise<T>): Promise<T> {
  const mine = `${path}-${randomUUID()}`;
  // Linked when complete, so that a lock never lacks the process id of its holder.
  await writeFile(mine, `${process.pid} ${randomUUID()}`);
  try {
    while (!(await taken(mine, path))) {
      if (!(await passOverDead(path))) await sleep(POLL_MS);
    }
    try {
      return await work();
    } finally {
      await rm(path, { force: true });
    }
  } finally {
    await rm(mine, { force: true });
  }
}

/**
 * The same for work that is over in one go, when nobody holds the lock: a fraction of the calls. False, with nothing
 * done, when somebody does.
 */
export function exclusivelyAtOnce(path: string, work: () => void): boolean {
  try {
    writeFileSync(path, `${process.pid} ${randomUUID()}`, { flag: 'wx' });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
  try {
    work();
  } finally {
    release(path);
  }
  return true;
}

function release(path: string): void {
  try {
    unlinkSync(path);
  } catch (error) {
    // Passed over by one who took this process for dead.
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}

async function taken(mine: string, path: string): Promise<boolean> {
  try {
    await link(mine, path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

/** Removes the lock of a dead holder, and no other: what was moved aside is looked at again. */
async function passOverDead(path: string): Promise<boolean> {
  const holder = await readFile(path, 'utf8').catch(() => undefined);
  if (holder === undefined || !(await isDead(path, holder))) return false;
  const aside = `${path}-${randomUUID()}`;
  await rename(path, aside).catch(() => {});
  const moved = await readFile(aside, 'utf8').catch(() => holder);
  if (moved !== holder) await link(aside, path).catch(() => {});
  await rm(aside, { force: true });
  return true;
}

async function isDead(path: string, holder: string): Promise<boolean> {
  const since = await stat(path).then(
    ({ ctimeMs }) => ctimeMs,
    () => Date.now(),
  );
  if (Date.now() - since > LEFT_BEHIND_MS) return true;
  // A moment old and still without its process id.
  if (holder === '') return false;
  try {
    process.kill(Number.parseInt(holder, 10), 0);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH';
  }
}
