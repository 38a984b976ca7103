import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { removeAfterTests } from '../cleanup.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));

/** The build's empty PostgreSQL cluster. */
export const cluster = join(root, 'dist', 'cluster');

/** A directory that is removed after the file's tests. */
export function temporaryFolder(parent = tmpdir()): string {
  mkdirSync(parent, { recursive: true });
  const folder = mkdtempSync(join(parent, 'afterbell-'));
  removeAfterTests(folder);
  return folder;
}

/** Bundles `src/local/<name>.ts` the way the build does. Under node_modules, so that externals resolve. */
export async function bundled(name: string): Promise<string> {
  const folder = temporaryFolder(join(root, 'node_modules', '.cache'));
  return bundle(join(root, 'src', 'local', `${name}.ts`), join(folder, `${name}.mjs`));
}

/** Writes a TypeScript program beside the bundles and bundles it; imports are relative to the repository's root. */
export async function bundledText(name: string, text: string): Promise<string> {
  const folder = temporaryFolder(join(root, 'node_modules', '.cache'));
  const source = join(folder, `${name}.ts`);
  writeFileSync(source, text.replaceAll("from '/src/", `from '${join(root, 'src')}/`));
  return bundle(source, join(folder, `${name}.mjs`));
}

async function bundle(source: string, outfile: string): Promise<string> {
  mkdirSync(dirname(outfile), { recursive: true });
  const loader = { '.sql': 'text' } as const;
  const packages = 'external';
  await build({
    entryPoints: [source],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    packages,
    loader,
  });
  return outfile;
}
