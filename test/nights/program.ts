import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Program, readProgram } from '../../src/local/program.ts';
import { warmProcesses } from './warm-processes.ts';

const repository = fileURLToPath(new URL('../../', import.meta.url));
const dist = join(repository, 'dist');

/** The built product, which the test run's setup brings up to date: a process for each worker and attempt, as users have it. */
export const ownProcesses = readProgram(repository);

/** The same in processes that go on from laptop to laptop. */
export const program: Program = { ...ownProcesses, processes: warmProcesses(() => `${buildCache()}-jobs.mjs`) };

/** The bundled command line. */
export const cli = join(dist, 'cli', 'afterbell.mjs');

/** Where something made by this build may be kept for the next file and the next run of the same build. */
export function buildCache(): string {
  kept ??= cacheOf();
  return kept;
}

let kept: string | undefined;

function cacheOf(): string {
  const hash = createHash('sha256');
  const files = readdirSync(dist, { recursive: true, withFileTypes: true }).filter(({ name }) => name.endsWith('.mjs'));
  for (const path of files.map((file) => join(file.parentPath, file.name)).sort()) hash.update(readFileSync(path));
  return join(repository, 'node_modules', '.cache', 'afterbell-nights', hash.digest('hex').slice(0, 16));
}
