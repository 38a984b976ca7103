import { fewFiles, NamedError } from '../errors.ts';
import { printError } from './print-error.ts';

/** As `engines` of package.json has it, which npm only warns of. */
const OLDEST_NODE = [20, 19] as const;

/**
 * The executable. Its bundle imports nothing but Node.js itself, so that it runs, and says what to do, where the limit
 * of open files is too low for the rest to be loaded, or Node.js too old.
 */
async function start(): Promise<void> {
  try {
    requireNode(process.versions.node);
    const { main } = (await import(new URL('main.mjs', import.meta.url).href)) as typeof import('./main.ts');
    await main();
  } catch (error) {
    const named = error instanceof NamedError ? error : fewFiles(error);
    if (!named) throw error;
    printError(named);
    process.exitCode = named.name === 'Config.Invalid' ? 2 : 1;
  }
}

/** @throws Config.Invalid */
function requireNode(version: string): void {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const [oldest, oldestMinor] = OLDEST_NODE;
  if (major > oldest || (major === oldest && minor >= oldestMinor)) return;
  throw new NamedError('Config.Invalid', {
    what: 'Node.js is too old',
    found: `${version} (${process.execPath})`,
    wanted: `${OLDEST_NODE.join('.')} or newer`,
    todo: 'Nothing was done. Install Node.js 22 or 24, or put it first on your PATH, and give the same command again.',
  });
}

void start();
