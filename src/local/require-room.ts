import { existsSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { join } from 'node:path';
import type { Config } from '../config.ts';
import { NamedError } from '../errors.ts';
import type { Home } from './home.ts';

/** What an empty warehouse takes (26 MB), and a little for tables, logs and the first sessions. */
const FIRST_BYTES = 32e6;

/**
 * A home without a warehouse on a disk that cannot take one: said before anything is begun, once.
 * @throws Home.Unwritable
 */
export async function requireRoom({ path, folders }: Pick<Home, 'path' | 'folders'>, config: Config): Promise<void> {
  if (config.DATABASE_URL || existsSync(join(folders.warehouse, 'pgdata'))) return;
  const { bavail, bsize, blocks } = await statfs(path);
  // Some file systems do not know how large they are.
  if (blocks === 0 || bavail * bsize >= FIRST_BYTES) return;
  throw new NamedError('Home.Unwritable', {
    what: `The disk of the home ${path} is too full to begin`,
    found: `${megabytes(bavail * bsize)} free`,
    wanted: `${megabytes(FIRST_BYTES)} for an empty warehouse`,
    todo: 'Make room, or set AFTERBELL_HOME to a folder on another disk, and run the same command again',
  });
}

function megabytes(bytes: number): string {
  return `${Math.floor(bytes / 1e6)} MB`;
}
