import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const here = fileURLToPath(new URL('.', import.meta.url));
/** With native parts or WebAssembly; they stay where they are. */
const external = [
  '@duckdb/node-api',
  '@electric-sql/pglite',
  'dynalite',
  'fs-native-extensions',
  'pg',
  '@viz-js/viz',
  'echarts',
];

const shared = {
  bundle: true,
  write: false,
  platform: 'node',
  target: 'node20',
  loader: { '.sql': 'text', '.md': 'text' },
  mainFields: ['module', 'main'],
  external,
  logLevel: 'error',
};

/** The code under test of a checkout, as the text of one CommonJS module. */
export async function bundleSubject(root = fileURLToPath(new URL('../..', import.meta.url))) {
  const { outputFiles } = await build({
    ...shared,
    entryPoints: [`${root}/test/simulation/subject.ts`],
    format: 'cjs',
    // Loading must not take its turn in the real event loop.
    supported: { 'dynamic-import': false },
    define: { 'import.meta.url': '"file:///simulated/program.cjs"' },
    alias: { '@smithy/node-http-handler': `${here}http-handler.ts` },
  });
  return outputFiles[0].text;
}

/** A program of the simulator itself, as one ES module. */
export async function bundleSimulator(program) {
  const { outputFiles } = await build({
    ...shared,
    entryPoints: [`${here}${program}`],
    format: 'esm',
    banner: { js: "import{createRequire as $r}from'node:module';const require=$r(import.meta.url);" },
  });
  return outputFiles[0].text;
}
