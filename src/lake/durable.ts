import { open } from 'node:fs/promises';
import { dirname } from 'node:path';
import { inFlight } from '../concurrency.ts';
import { diskTrouble, NamedError } from '../errors.ts';

/** A job adds a folder for each symbol, more than a process may have files open; more at once is no faster. */
const SYNCS_AT_ONCE = 16;

/** Syncs a file or a folder (its names); one that is gone has nothing left to lose. */
export async function sync(path: string): Promise<void> {
  let file: Awaited<ReturnType<typeof open>>;
  try {
    file = await open(path, 'r');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw error;
  }
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Folders whose newest names may not be on the disk yet. */
export class UnsyncedFolders {
  private folders = new Set<string>();
  private last: Promise<void> = Promise.resolve();

  /** A name in it is new. */
  add(folder: string): void {
    this.folders.add(folder);
  }

  /** A folder was made, together with its parents from `first` on. */
  addMade(first: string, folder: string): void {
    for (let path = folder; path.length >= first.length; path = dirname(path)) this.folders.add(dirname(path));
  }

  /** Resolves when everything added before the call is on the disk, whoever is syncing it. */
  flush(): Promise<void> {
    this.last = this.last.then(async () => {
      const folders = [...this.folders];
      this.folders.clear();
      await inFlight(folders, SYNCS_AT_ONCE, sync);
    });
    return this.last;
  }
}

/** Of a failed system call, e.g. ENOENT. */
export function code(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException)?.code;
}

export function conflict(key: string, cause?: unknown): NamedError {
  return new NamedError(
    'Lake.Conflict',
    { what: `another writer changed ${key}`, wanted: 'one writer at a time', todo: 'Run the same command again.' },
    { cause },
  );
}

/** `Lake.Unwritable` where the disk is to blame, else the error itself. */
export function unwritable(path: string, error: unknown): unknown {
  const inTheWay = ['ENOTDIR', 'EEXIST'].includes(code(error) ?? '');
  const reason = inTheWay ? 'a file stands where a folder is needed' : diskTrouble(error)?.reason;
  if (!reason) return error;
  return new NamedError(
    'Lake.Unwritable',
    {
      what: `cannot write ${path}`,
      found: reason,
      wanted: 'a writable folder with free space',
      todo: 'Nothing stored was changed; make room or fix the permissions and run the same command again.',
    },
    { cause: error },
  );
}
