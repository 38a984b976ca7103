import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { installPython } from '../python.ts';

const run = promisify(execFile);
const VERSION = '5.2.1';

/** A Python that has moto's server: the system's, or one of our own with it installed; undefined where neither can be. */
export async function pythonWithMoto(): Promise<string | undefined> {
  const found = await run('python3', ['-c', 'import moto.moto_server.werkzeug_app']).then(
    () => true,
    () => false,
  );
  return found ? 'python3' : installPython([`moto[server]==${VERSION}`]).catch(() => undefined);
}
