import { accessSync, constants, existsSync, readFileSync, realpathSync } from 'node:fs';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { programFolders } from '../config.ts';
import { type Stand, shellWord } from '../text.ts';

/** How this very program is started from this folder: by npx, by its name on the PATH, by its package, or by its path. */
export function standHere(): Stand {
  const [node = 'node', script = ''] = process.argv;
  const own = realPath(script);
  const isThis = (path: string) => own !== undefined && realPath(path) === own;
  if (isThis(join(packageFolder(), 'node_modules', '.bin', 'afterbell'))) return { start: 'npx afterbell' };
  if (programFolders().some((folder) => isThis(join(folder, 'afterbell')))) return { start: 'afterbell' };
  const cache = npxFolder();
  const asked = cache === undefined ? undefined : npxPackage(cache);
  if (asked !== undefined) return { start: `npx ${shellWord(asked)}` };
  const path = shellWord(resolve(script));
  return { start: isExecutable(script) ? path : `${shellWord(node)} ${path}` };
}

/** Where npx looks for programs: the nearest folder upwards that is a package or has some. */
function packageFolder(): string {
  let folder = process.cwd();
  const isPackage = () => ['package.json', 'node_modules'].some((name) => existsSync(join(folder, name)));
  while (!isPackage() && dirname(folder) !== folder) folder = dirname(folder);
  return folder;
}

/** The folder of npx's cache, `_npx/HASH`, that this program is installed in; undefined when it is installed elsewhere. */
export function npxFolder(): string | undefined {
  const folder = resolve(projectRoot(), '../..');
  return basename(dirname(folder)) === '_npx' ? folder : undefined;
}

/** The package that npx was asked for, as it is typed in this folder; undefined when that is not known, or gone. */
export function npxPackage(folder: string): string | undefined {
  try {
    const { dependencies, _npx } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
    const file = /^file:(.*)$/.exec(dependencies.afterbell)?.[1];
    if (file === undefined) return _npx.packages.length === 1 ? _npx.packages[0] : undefined;
    const path = resolve(folder, file);
    if (!existsSync(path)) return undefined;
    const near = relative(process.cwd(), path);
    // Without `./` npx would ask GitHub for `folder/file`; a path from the root it would run as a program.
    return near.startsWith('..') ? near : `./${near}`;
  } catch {
    return undefined;
  }
}

function realPath(path: string): string | undefined {
  try {
    return realpathSync(path);
  } catch {
    return undefined;
  }
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** The folder with package.json above this bundle. */
export function projectRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, 'package.json'))) folder = dirname(folder);
  return folder;
}
