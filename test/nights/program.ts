import { createHash, randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundle } from '../../scripts/bundle.mjs';
import { type Program, readProgram } from '../../src/local/program.ts';
import { warmProcesses } from './warm-processes.ts';

const repository = fileURLToPath(new URL('../../', import.meta.url));
const dist = join(repository, 'dist');

/** The built product, which the test run's setup brings up to date: a process for each worker and attempt, as users have it. */
export const ownProcesses = readProgram(repository);

/** The same in processes that go on from laptop to laptop. */
export const program: Program = { ...ownProcesses, processes: warmProcesses(() => bundled('warm-job')) };

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

/** A program of this folder as one file, made once for this build: aside, as other workers may be making it, too. */
export async function bundled(name: 'warm-job' | 'warm-cli'): Promise<string> {
  const path = `${buildCache()}-${name}.mjs`;
  if (existsSync(path)) return path;
  mkdirSync(dirname(path), { recursive: true });
  const making = `${path}.${randomUUID()}.mjs`;
  await bundle(fileURLToPath(new URL(`${name}.ts`, import.meta.url)), making);
  renameSync(making, path);
  return path;
}
