import { closeSync, constants, fchmodSync, fstatSync, lstatSync, openSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

const OTHERS = 0o077;

/** From here on this process and its children create folders with 0700 and files with 0600. */
export function keepFilesPrivate(): void {
  process.umask(OTHERS);
}

/**
 * Takes other users' permissions away from the named entries of a data directory that was made before there were
 * none to begin with. Links are not followed, and what another user owns is left alone. A folder is closed after all that is in
 * it, so one that is closed is done: a later opening looks at the entries only, however much they hold.
 * The directory itself is closed when it holds nothing else: somebody's home or /var/lib is not ours to close.
 */
export function tighten(root: string, isOwn: (name: string) => boolean): void {
  const own = process.getuid?.();
  if (own === undefined) return;
  const names = readdirSync(root);
  for (const name of names.filter(isOwn)) tightenTree(join(root, name), own);
  if (names.every(isOwn)) tightenOne(root, own, 0);
}

function tightenTree(path: string, own: number): void {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (!found || found.uid !== own || (found.mode & OTHERS) === 0) return;
  if (found.isDirectory()) {
    for (const name of entriesOf(path)) tightenTree(join(path, name), own);
  } else if (!found.isFile()) return;
  tightenOne(path, own, constants.O_NOFOLLOW);
}

/** None of a folder that went meanwhile, or that its owner cannot read. */
function entriesOf(path: string): string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}

/** By descriptor, so that what was looked at is what is changed. */
function tightenOne(path: string, own: number, flags: number): void {
  let opened: number;
  try {
    opened = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK | flags);
  } catch {
    // Gone, replaced by a link, or unreadable to its owner too.
    return;
  }
  try {
    const { uid, mode } = fstatSync(opened);
    if (uid === own && (mode & OTHERS) !== 0) fchmodSync(opened, mode & 0o7700);
  } finally {
    closeSync(opened);
  }
}
