import { diskTrouble } from '../disk-trouble.ts';
import { NamedError } from '../errors.ts';

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
