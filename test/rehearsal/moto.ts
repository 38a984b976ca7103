import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { root } from '../terraform/tooling.ts';

const run = promisify(execFile);
const VERSION = '5.2.1';
const INSTALL_MS = 180_000;

/** A Python that has moto's server: the system's, or one of our own with it installed; undefined where neither can be. */
export async function pythonWithMoto(): Promise<string | undefined> {
  const own = join(root, 'node_modules/.cache/afterbell-moto');
  const python = join(own, 'bin/python3');
  for (const candidate of ['python3', python]) if (await hasMoto(candidate)) return candidate;
  try {
    await run('python3', ['-m', 'venv', own], { timeout: INSTALL_MS });
    await run(python, ['-m', 'pip', 'install', '--quiet', `moto[server]==${VERSION}`], { timeout: INSTALL_MS });
  } catch {
    return undefined;
  }
  return (await hasMoto(python)) ? python : undefined;
}

function hasMoto(python: string): Promise<boolean> {
  return run(python, ['-c', 'import moto.moto_server.werkzeug_app']).then(
    () => true,
    () => false,
  );
}
