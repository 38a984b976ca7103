// The empty PostgreSQL cluster that every new warehouse copies: made once per installed PGlite, kept under node_modules.
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { setFlagsFromString } from 'node:v8';

const path = (name) => fileURLToPath(new URL(`../node_modules/${name}`, import.meta.url));

export async function copyCluster(target) {
  const { version } = JSON.parse(readFileSync(path('@electric-sql/pglite/package.json'), 'utf8'));
  const kept = path(`.cache/afterbell-cluster-${version}`);
  if (!existsSync(kept)) await make(kept);
  cpSync(kept, target, { recursive: true });
  // A package of npm has no empty folders, and PostgreSQL wants its own; whoever copies the cluster leaves these out.
  for (const { parentPath, name } of folders(target)) {
    const folder = join(parentPath, name);
    if (readdirSync(folder).length === 0) writeFileSync(join(folder, '.keep'), '');
  }
}

const folders = (path) =>
  readdirSync(path, { recursive: true, withFileTypes: true }).filter((entry) => entry.isDirectory());

/** Several builds may be making it at once: each its own, and whoever is first is kept. */
async function make(kept) {
  // Compiled once is enough for a process that ends after seconds; optimising would cost it two fifths of its time.
  setFlagsFromString('--liftoff-only');
  const { PGlite } = await import('@electric-sql/pglite');
  const dataDir = `${kept}.${process.pid}`;
  mkdirSync(dataDir, { recursive: true });
  const cluster = await PGlite.create({ dataDir });
  // A home has one database; without the templates of others it is a third of the files to copy.
  await cluster.query('UPDATE pg_database SET datistemplate = false');
  for (const template of ['template0', 'template1']) await cluster.query(`DROP DATABASE ${template}`);
  await cluster.close();
  try {
    renameSync(dataDir, kept);
  } catch (error) {
    if (!existsSync(kept)) throw error;
    rmSync(dataDir, { recursive: true });
  }
}
