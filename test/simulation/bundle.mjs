import { builtinModules } from 'node:module';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const here = fileURLToPath(new URL('.', import.meta.url));
const project = fileURLToPath(new URL('../..', import.meta.url));
/** With native parts or WebAssembly; they stay where they are. */
const native = ['@duckdb/node-api', '@electric-sql/pglite', 'dynalite', 'fs-native-extensions', 'pg'];
/** Drawing is half of a small night's work and decides nothing; process.ts has something simple in their places. */
const drawing = ['@viz-js/viz', 'echarts/charts', 'echarts/components', 'echarts/core', 'echarts/renderers'];
/** These keep something of a process themselves. */
const own = /^@middy\//;

const shared = {
  bundle: true,
  write: false,
  platform: 'node',
  target: 'node20',
  loader: { '.sql': 'text', '.md': 'text' },
  mainFields: ['module', 'main'],
  logLevel: 'error',
};

const commonJs = {
  ...shared,
  format: 'cjs',
  define: { 'import.meta.url': '"file:///simulated/program.cjs"' },
  // Loading must not take its turn in the real event loop.
  supported: { 'dynamic-import': false },
};

/**
 * The code under test of a checkout as CommonJS: `code` is evaluated anew for each simulated process, `packages`, which it
 * requires by their names, once a thread, so that they are compiled once.
 */
export async function bundleSubject(root = project) {
  const packages = new Set();
  const apart = {
    name: 'packages-apart',
    setup({ onResolve }) {
      onResolve({ filter: /^[^./]/ }, ({ path, kind }) => {
        if (kind === 'entry-point' || own.test(path)) return undefined;
        if (path.startsWith('node:') || builtinModules.includes(path)) return { path, external: true };
        if (![...native, ...drawing].includes(path)) packages.add(path);
        return { path, external: true };
      });
    },
  };
  const { outputFiles } = await build({
    ...commonJs,
    entryPoints: [`${root}/test/simulation/subject.ts`],
    plugins: [apart],
  });
  return { code: outputFiles[0].text, packages: await bundlePackages([...packages].sort()) };
}

async function bundlePackages(names) {
  const lines = names.map((name) => `  get ${JSON.stringify(name)}() { return require(${JSON.stringify(name)}); },`);
  const { outputFiles } = await build({
    ...commonJs,
    stdin: { contents: `module.exports = {\n${lines.join('\n')}\n};`, resolveDir: project },
    external: [...native, ...drawing],
  });
  return outputFiles[0].text;
}

/** A program of the simulator itself, as one ES module. */
export async function bundleSimulator(program) {
  const { outputFiles } = await build({
    ...shared,
    entryPoints: [`${here}${program}`],
    external: native,
    format: 'esm',
    banner: { js: "import{createRequire as $r}from'node:module';const require=$r(import.meta.url);" },
  });
  return outputFiles[0].text;
}
