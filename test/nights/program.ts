import { createHash, randomUUID } from 'node:crypto';
import { execFile } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { type Program, readProgram } from '../../src/local/program.ts';

const repository = fileURLToPath(new URL('../../', import.meta.url));
/** Inside node_modules, so that bundles find their native dependencies. */
const cache = join(repository, 'node_modules', '.cache', 'afterbell-nights');
const OLD_MS = 30 * 60_000;

/** A built product of the sources as they are now. */
export interface Built {
  /** Laid out like the repository: package.json, state-machines/, dist/. */
  root: string;
  program: Program;
  /** The bundled command line. */
  cli: string;
}

/** Builds once for all files of this folder: a build is named by the content of its sources and reused. */
export async function builtProgram(): Promise<Built> {
  mkdirSync(cache, { recursive: true });
  const root = join(cache, sourceHash());
  if (!existsSync(root)) await buildInto(root);
  return { root, program: readProgram(root), cli: join(root, 'dist', 'cli', 'afterbell.mjs') };
}

async function buildInto(root: string): Promise<void> {
  dropOld();
  const unfinished = `${root}-${randomUUID()}`;
  mkdirSync(unfinished, { recursive: true });
  const script = join(repository, 'scripts', 'build.mjs');
  await promisify(execFile)(process.execPath, [script, join(unfinished, 'dist')]);
  writeFileSync(join(unfinished, 'package.json'), '{"type":"module"}\n');
  cpSync(join(repository, 'state-machines'), join(unfinished, 'state-machines'), { recursive: true });
  moveOnce(unfinished, root);
}

/** Builds of other sources, unless somebody may be using them at this moment. */
function dropOld(): void {
  for (const name of readdirSync(cache)) {
    const path = join(cache, name);
    if (Date.now() - statSync(path).mtimeMs > OLD_MS) rmSync(path, { recursive: true, force: true });
  }
}

/** Moves a finished folder to its name; when another worker was faster, its result is as good. */
export function moveOnce(from: string, to: string): void {
  try {
    renameSync(from, to);
  } catch (error) {
    if (!existsSync(to)) throw error;
    rmSync(from, { recursive: true, force: true });
  }
}

function sourceHash(): string {
  const hash = createHash('sha256');
  for (const folder of ['src', 'functions', 'batch-images', 'state-machines', 'scripts']) {
    const files = readdirSync(join(repository, folder), { recursive: true, withFileTypes: true });
    const paths = files.filter((file) => file.isFile()).map((file) => join(file.parentPath, file.name));
    for (const path of paths.sort()) hash.update(path).update(readFileSync(path));
  }
  return hash.update(readFileSync(join(repository, 'package-lock.json'))).digest('hex').slice(0, 16);
}
