import { readdirSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { NATIVE } from '../../scripts/bundle.mjs';

const project = fileURLToPath(new URL('../..', import.meta.url));
/** Drawing is half of a small night's work and decides nothing; shims.ts has something simple in their places. */
const drawing = ['@viz-js/viz', 'echarts/charts', 'echarts/components', 'echarts/core', 'echarts/renderers'];
/** These keep something of a process themselves. */
const own = /^@middy\//;

/** Modules that keep nothing of a process but take long to make what they know. */
const SHARED = /^src\/(calendar\/\w[\w-]*|errors)\.ts$/;

const commonJs = {
  bundle: true,
  write: false,
  platform: 'node',
  target: 'node20',
  loader: { '.sql': 'text', '.md': 'text' },
  mainFields: ['module', 'main'],
  logLevel: 'error',
  format: 'cjs',
  define: { 'import.meta.url': '"file:///simulated/program.cjs"' },
  // Loading must not take its turn in the real event loop.
  supported: { 'dynamic-import': false },
};

/**
 * The code under test of a checkout as CommonJS: `code` is evaluated for each simulated process, `shared` once for all of
 * them, and `packages`, which both require by their names, once a thread, so that they are compiled once.
 * @param made packages that were made for another checkout with the same ones
 */
export async function bundleSubject(root = project, made = undefined) {
  const packages = new Set();
  const calendar = readdirSync(`${root}/src/calendar`).map((file) => `src/calendar/${file}`);
  const apart = {
    name: 'packages-apart',
    setup({ onResolve }) {
      onResolve({ filter: /^[^./]/ }, ({ path, kind }) => {
        if (kind === 'entry-point' || own.test(path)) return undefined;
        if (path.startsWith('node:') || builtinModules.includes(path)) return { path, external: true };
        if (![...NATIVE, ...drawing].includes(path)) packages.add(path);
        return { path, external: true };
      });
    },
  };
  const shared = {
    name: 'shared',
    setup({ onResolve }) {
      onResolve({ filter: /^\./ }, ({ path, resolveDir }) => {
        const found = relative(root, resolve(resolveDir, path));
        return SHARED.test(found) ? { path: found, external: true } : undefined;
      });
    },
  };
  const { outputFiles } = await build({
    ...commonJs,
    entryPoints: [`${root}/test/simulation/subject.ts`],
    plugins: [apart, shared],
  });
  return {
    code: withImportsOnce(outputFiles[0].text),
    shared: await bundleNames(['src/errors.ts', ...calendar], (name) => `./${name}`, root, { plugins: [apart] }),
    packages: made ?? (await bundleNames([...packages].sort(), (name) => name, project)),
  };
}

/** A module whose exports are those of others, by name. */
async function bundleNames(names, pathOf, resolveDir, more = { external: [...NATIVE, ...drawing] }) {
  const quoted = names.map((name) => [name, pathOf(name)].map((text) => JSON.stringify(text)));
  const lines = quoted.map(([name, path]) => `  get ${name}() { return require(${path}); },`);
  const { outputFiles } = await build({
    ...commonJs,
    stdin: { contents: `module.exports = {\n${lines.join('\n')}\n};`, resolveDir },
    ...more,
  });
  return outputFiles[0].text;
}

/** A package's exports are copied for every file that imports it: half of the time that a process takes to begin. */
function withImportsOnce(code) {
  const copying = 'var __toESM = ';
  if (!code.includes(copying)) throw new Error('esbuild copies the exports of packages in another way now');
  return code.replace(
    copying,
    'var __imports = new Map(); var __toESM = (mod, isNodeMode) => { if (!__imports.has(mod)) __imports.set(mod, __copied(mod, isNodeMode)); return __imports.get(mod); }; var __copied = ',
  );
}
