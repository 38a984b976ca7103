import { randomUUID } from 'node:crypto';
import { link, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod';

const LOCK = 'home.lock';
const CONTROL_TIMEOUT_MS = 3_000;

const LockRecord = z.object({
  pid: z.number().int().positive(),
  nonce: z.string().min(1),
  startedAt: z.string(),
  command: z.string(),
  endpoints: z.record(z.string(), z.string()),
});
/** What `home.lock` holds: who owns the home and where its endpoints are. */
export type LockRecord = z.infer<typeof LockRecord>;

/** Takes the lock of `folder` for `mine`. Answers undefined on success, else the record of the living owner. */
export async function takeLock(folder: string, mine: LockRecord): Promise<LockRecord | undefined> {
  await clearDrafts(folder);
  const draft = await writeDraft(folder, mine);
  try {
    for (;;) {
      if (await linkNew(draft, join(folder, LOCK))) return undefined;
      const outcome = await succeed(folder, draft);
      if (outcome === 'taken') return undefined;
      if (outcome !== 'again') return outcome;
    }
  } finally {
    await rm(draft, { force: true });
  }
}

/**
 * Replaces a dead owner's lock. Renaming over the lock alone would let two takers win one after the other,
 * so each dead record has one successor: whoever first links `home.lock.after-<nonce>`. A successor that died
 * before it finished is succeeded in the same way, hence the walk. The lock is read again after winning,
 * because the record may have been succeeded, and its marks cleared, since it was first read.
 */
async function succeed(folder: string, draft: string): Promise<LockRecord | 'taken' | 'again'> {
  const lock = join(folder, LOCK);
  const first = await readRecord(lock);
  if (!first) return 'again';
  let last = first;
  for (;;) {
    if (await isAlive(last)) return last;
    const mark = join(folder, `${LOCK}.after-${last.nonce}`);
    if (await linkNew(draft, mark)) {
      if ((await readRecord(lock))?.nonce !== first.nonce) {
        await rm(mark, { force: true });
        return 'again';
      }
      await rename(draft, lock);
      await clearMarks(folder);
      return 'taken';
    }
    const next = await readRecord(mark);
    if (!next) return 'again';
    last = next;
  }
}

/** Replaces the endpoints in a lock this process holds; readers see the old record or the new one. */
export async function rewriteLock(folder: string, mine: LockRecord): Promise<void> {
  await rename(await writeDraft(folder, mine), join(folder, LOCK));
}

/** Gives the lock up, if it is still this owner's. */
export async function dropLock(folder: string, nonce: string): Promise<void> {
  const lock = join(folder, LOCK);
  if ((await readRecord(lock))?.nonce === nonce) await rm(lock, { force: true });
}

/** The record of the living owner of `folder`, or undefined. */
export async function livingOwner(folder: string): Promise<LockRecord | undefined> {
  const record = await readRecord(join(folder, LOCK));
  return record && (await isAlive(record)) ? record : undefined;
}

/**
 * An owner lives when its process exists and its control endpoint answers with its nonce (a pid alone may
 * have passed to another program). One that takes the connection but does not answer in time is busy or
 * stopped, not dead: taking its database away would lose commits.
 */
async function isAlive({ pid, nonce, endpoints }: LockRecord): Promise<boolean> {
  if (!processExists(pid) || endpoints.control === undefined) return false;
  try {
    const response = await fetch(`${endpoints.control}/afterbell`, {
      signal: AbortSignal.timeout(CONTROL_TIMEOUT_MS),
      headers: { connection: 'close' },
    });
    const answer: unknown = await response.json();
    return typeof answer === 'object' && answer !== null && 'nonce' in answer && answer.nonce === nonce;
  } catch (error) {
    return error instanceof Error && error.name === 'TimeoutError';
  }
}

function processExists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return errorCode(error) === 'EPERM';
  }
}

async function writeDraft(folder: string, record: LockRecord): Promise<string> {
  const draft = join(folder, `${LOCK}.draft-${record.pid}-${randomUUID()}`);
  await writeFile(draft, `${JSON.stringify(record)}\n`, { flag: 'wx', flush: true });
  return draft;
}

/** Creates `path` with the draft's content in one step. False when it exists already. */
async function linkNew(draft: string, path: string): Promise<boolean> {
  try {
    await link(draft, path);
    return true;
  } catch (error) {
    if (errorCode(error) === 'EEXIST') return false;
    throw error;
  }
}

/** An unreadable lock counts as one whose owner is dead; it is never written in place, so never half-written. */
async function readRecord(path: string): Promise<LockRecord | undefined> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined;
    throw error;
  }
  const parsed = LockRecord.safeParse(jsonOrUndefined(text));
  return parsed.success
    ? parsed.data
    : { pid: 2 ** 30, nonce: 'unreadable', startedAt: '', command: '', endpoints: {} };
}

function jsonOrUndefined(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Drafts of processes that were killed before they could take them away; a living one still needs its own. */
async function clearDrafts(folder: string): Promise<void> {
  for (const entry of await readdir(folder)) {
    const pid = new RegExp(`^${LOCK}\\.draft-(\\d+)-`).exec(entry)?.[1];
    if (pid !== undefined && !processExists(Number(pid))) await rm(join(folder, entry), { force: true });
  }
}

async function clearMarks(folder: string): Promise<void> {
  for (const entry of await readdir(folder)) {
    if (entry.startsWith(`${LOCK}.after-`)) await rm(join(folder, entry), { force: true });
  }
}

function errorCode(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error ? String(error.code) : undefined;
}
