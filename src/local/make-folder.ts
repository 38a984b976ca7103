import { mkdir, stat } from 'node:fs/promises';
import { dirname } from 'node:path';

/**
 * Makes a folder and what is missing above it, one step at a time. Node's own recursive mkdir never returns where
 * the system answers "no such file" below a folder that exists, as /proc does.
 */
export async function makeFolder(path: string): Promise<void> {
  const found = await stat(path).catch(() => undefined);
  if (found?.isDirectory()) return;
  if (dirname(path) !== path) await makeFolder(dirname(path));
  await mkdir(path).catch((error: NodeJS.ErrnoException) => {
    // Another process may have been faster; a file in the way is an error all the same.
    if (error.code !== 'EEXIST' || found) throw error;
  });
}
