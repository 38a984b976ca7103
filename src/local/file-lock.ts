import { closeSync, constants, ftruncateSync, openSync, readFileSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { NamedError } from '../errors.ts';

/** A lock that the operating system keeps for this process and frees with its end, however it ends. */
export interface FileLock {
  release(): void;
}

/**
 * Takes the lock of the file `path`, which is created when it is missing and stays. Undefined while another process
 * has it, in whichever container that runs.
 * @param holder what `holderOf` tells others meanwhile
 * @throws Home.Unwritable where there are no file locks; the system's own error when the file cannot be opened
 */
export async function tryLock(path: string, holder: string): Promise<FileLock | undefined> {
  const fd = openSync(path, constants.O_RDWR | constants.O_CREAT, 0o600);
  if (!(await locked(fd, path, { shared: false }))) return undefined;
  try {
    ftruncateSync(fd);
    writeSync(fd, holder, 0);
  } catch {
    // A full disk takes no text; the lock is held all the same.
  }
  return { release: () => closeSync(fd) };
}

/** Whether some process has the lock of `path`. The look itself takes a shared lock for an instant. */
export async function isLocked(path: string): Promise<boolean> {
  let fd: number;
  try {
    fd = openSync(path, 'r');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
  if (!(await locked(fd, path, { shared: true }))) return true;
  closeSync(fd);
  return false;
}

/** Who has the lock of `path` or had it last, as it named itself. */
export function holderOf(path: string): string {
  try {
    return readFileSync(path, 'utf8').trim() || UNNAMED;
  } catch {
    // Windows lets nobody read a locked file.
    return UNNAMED;
  }
}

const UNNAMED = 'another afterbell command';

/** Without the lock the file is closed. */
async function locked(fd: number, path: string, options: { shared: boolean }): Promise<boolean> {
  let taken = false;
  try {
    // Loaded late: most commands need no lock.
    const { default: system } = await import('fs-native-extensions');
    taken = system.tryLock(fd, options);
  } catch (error) {
    throw noLocks(path, error as NodeJS.ErrnoException);
  } finally {
    if (!taken) closeSync(fd);
  }
  return taken;
}

function noLocks(path: string, error: NodeJS.ErrnoException): NamedError {
  return new NamedError(
    'Home.Unwritable',
    {
      what: `${dirname(path)} cannot be locked against other programs`,
      found: `${error.message.split('\n')[0]} (${process.platform}-${process.arch})`,
      wanted: 'a disk with file locks; some network and container mounts have none',
      todo: 'Set AFTERBELL_HOME to a folder on a local disk, or to a copy of this one there',
    },
    { cause: error },
  );
}
