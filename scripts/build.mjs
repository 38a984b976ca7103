// Bundles every function, job and the command line into dist/, functions also as zips. Same sources, same bytes.
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
// The native packages never reach a Lambda bundle.
import { NATIVE as external } from './bundle.mjs';
import { copyCluster } from './cluster.mjs';
import { bundledPackages, noticesText } from './notices.mjs';
import { zip } from './zip.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const target = process.argv[2] ?? `${root}dist`;
/** Built aside and swapped in whole, so that a night that runs meanwhile never finds half a program. */
const outdir = `${target}.${process.pid}`;
const folders = (path) => readdirSync(`${root}${path}`, { withFileTypes: true }).filter((entry) => entry.isDirectory());

const shared = {
  bundle: true,
  platform: 'node',
  target: 'node20',
  format: 'esm',
  outExtension: { '.js': '.mjs' },
  loader: { '.sql': 'text', '.md': 'text', '.json': 'json' },
  mainFields: ['module', 'main'],
  // What licences want said stands in THIRD-PARTY-LICENSES.txt.
  legalComments: 'none',
  metafile: true,
  logLevel: 'warning',
  // CommonJS dependencies call require; an ES module has none of its own.
  banner: { js: "import{createRequire as $makeRequire}from'node:module';const require=$makeRequire(import.meta.url);" },
};

const bundles = await Promise.all([
  build({
    ...shared,
    entryPoints: folders('functions').map(({ name }) => ({ in: `${root}functions/${name}/index.ts`, out: name })),
    outdir: `${outdir}/functions`,
    minify: true,
    keepNames: true,
    // What several functions need is loaded once by a process that runs them all, and what few calls need, late.
    splitting: true,
  }),
  ...folders('batch-images').map(({ name }) =>
    build({
      ...shared,
      external,
      entryPoints: ['main.ts', 'thread.ts'].map((file) => `${root}batch-images/${name}/${file}`).filter(existsSync),
      outdir: `${outdir}/batch-images/${name}`,
    }),
  ),
  build({
    ...shared,
    external,
    entryPoints: ['function-worker', 'job-process', 'pglite-worker'].map((name) => `${root}src/local/${name}.ts`),
    outdir: `${outdir}/local`,
  }),
  build({
    ...shared,
    entryPoints: [`${root}scripts/deploy/main.ts`],
    outfile: `${outdir}/deploy/main.mjs`,
    outExtension: {},
  }),
  build({
    ...shared,
    external,
    entryPoints: [`${root}src/cli/main.ts`],
    outdir: `${outdir}/cli`,
    // What one command alone needs (charts, graphs) lies apart and is loaded when it runs.
    splitting: true,
  }),
  // Served by report --serve to a browser on this machine.
  build({
    bundle: true,
    entryPoints: [`${root}src/report/pages.mjs`],
    outfile: `${outdir}/cli/pages.js`,
    platform: 'browser',
    format: 'iife',
    target: 'es2022',
    minify: true,
    legalComments: 'none',
    metafile: true,
    logLevel: 'warning',
  }),
  // In one file, so that it starts where few files may be open.
  build({
    ...shared,
    entryPoints: [`${root}src/cli/afterbell.ts`],
    outdir: `${outdir}/cli`,
    // It has to run on any Node.js to say that it is too old; the rest is for those of package.json.
    target: 'node14.13',
    // The SDK's note about Node 20 is ours to heed, not our users'.
    banner: {
      js: "#!/usr/bin/env node\nconst off='AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED';process.env[off]=process.env[off]||'true';",
    },
  }),
]);
const [functions] = bundles;
const packages = bundledPackages(
  root,
  bundles.map(({ metafile }) => metafile),
);
writeFileSync(`${outdir}/THIRD-PARTY-LICENSES.txt`, noticesText(packages));
// The parts list of `make audit` has them beside the packages that are installed.
const parts = packages.map(({ name, version }) => `${name}@${version}`);
writeFileSync(`${outdir}/bundled.json`, `${JSON.stringify(parts, null, 2)}\n`);
await copyCluster(`${outdir}/cluster`);
mkdirSync(`${outdir}/zips`);
for (const { name } of folders('functions')) {
  const files = [...neededBy(`${name}.mjs`)].map((file) => [file, readFileSync(`${outdir}/functions/${file}`)]);
  const [[, entry], ...chunks] = files;
  writeFileSync(`${outdir}/zips/${name}.zip`, zip(Object.fromEntries([['index.mjs', entry], ...chunks])));
}
rmSync(target, { recursive: true, force: true });
renameSync(outdir, target);

/** A function's file, first, and every other that it may ever import. */
function neededBy(file, found = new Set()) {
  found.add(file);
  const [, { imports }] = Object.entries(functions.metafile.outputs).find(([path]) => basename(path) === file);
  const next = imports.filter(({ external }) => !external).map(({ path }) => basename(path));
  for (const chunk of next) if (!found.has(chunk)) neededBy(chunk, found);
  return found;
}
