import { builtinModules } from 'node:module';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { NATIVE } from '../../scripts/bundle.mjs';

const project = fileURLToPath(new URL('../..', import.meta.url));
/** Drawing is half of a small night's work and decides nothing; shims.ts has something simple in their places. */
const drawing = ['@viz-js/viz', 'echarts/charts', 'echarts/components', 'echarts/core', 'echarts/renderers'];
/** These keep something of a process themselves. */
const own = /^@middy\//;

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
 * The code under test of a checkout as CommonJS: `code` is evaluated for each simulated process, `packages`, which it
 * requires by their names, once a thread, so that they are compiled once.
 * @param made packages that were made for another checkout with the same ones
 */
export async function bundleSubject(root = project, made = undefined) {
  const packages = new Set();
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
  const { outputFiles } = await build({
    ...commonJs,
    entryPoints: [`${root}/test/simulation/subject.ts`],
    plugins: [apart],
  });
  return { code: withImportsOnce(outputFiles[0].text), packages: made ?? (await bundlePackages([...packages].sort())) };
}

async function bundlePackages(names) {
  const lines = names.map((name) => `  get ${JSON.stringify(name)}() { return require(${JSON.stringify(name)}); },`);
  const { outputFiles } = await build({
    ...commonJs,
    stdin: { contents: `module.exports = {\n${lines.join('\n')}\n};`, resolveDir: project },
    external: [...NATIVE, ...drawing],
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
