import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { root, skipped } from './terraform/tooling.ts';

const run = promisify(execFile);
const INSTALL_MS = 600_000;
const CACHE = join(root, 'node_modules', '.cache', 'python');

/**
 * The python3 of a virtual environment with these packages, kept by their names and versions.
 * @param alone packages without what they depend on
 */
export async function installPython(packages: readonly string[], alone: readonly string[] = []): Promise<string> {
  const names = [...packages, ...(alone.length > 0 ? ['', ...alone] : [])];
  const folder = join(CACHE, createHash('sha256').update(names.join('\n')).digest('hex').slice(0, 16));
  const python = join(folder, 'bin', 'python3');
  const complete = join(folder, 'complete');
  if (existsSync(complete) && existsSync(python)) return python;
  mkdirSync(CACHE, { recursive: true });
  try {
    // Scripts of an environment name its folder, so it is made in place; the last file says that it is complete.
    rmSync(folder, { recursive: true, force: true });
    await run('python3', ['-m', 'venv', folder], { timeout: INSTALL_MS });
    await run(python, ['-m', 'pip', 'install', '--quiet', ...packages], { timeout: INSTALL_MS });
    if (alone.length > 0)
      await run(python, ['-m', 'pip', 'install', '--quiet', '--no-deps', ...alone], { timeout: INSTALL_MS });
    writeFileSync(complete, '');
    return python;
  } catch (error) {
    throw new Error(`${[...packages, ...alone].join(', ')} cannot be installed (${String(error).split('\n')[0]})`, {
      cause: error,
    });
  }
}

/** The same; undefined, said loudly, where it cannot be had. */
export async function pythonWith(
  packages: readonly string[],
  what: string,
  alone: readonly string[] = [],
): Promise<string | undefined> {
  try {
    return await installPython(packages, alone);
  } catch (error) {
    skipped(`${(error as Error).message}, so ${what}`);
    return undefined;
  }
}
