import { build } from 'esbuild';

/** With native parts or WebAssembly: they stay where they are installed. */
export const NATIVE = ['@duckdb/node-api', '@electric-sql/pglite', 'dynalite', 'fs-native-extensions', 'pg'];

/** Makes one file of a program of scripts/ or test/ and what it imports from src/. */
export function bundle(program, outfile) {
  return build({
    entryPoints: [program],
    outfile,
    bundle: true,
    platform: 'node',
    target: 'node20',
    format: 'esm',
    loader: { '.sql': 'text', '.md': 'text' },
    mainFields: ['module', 'main'],
    external: NATIVE,
    // CommonJS dependencies call require; an ES module has none of its own.
    banner: { js: "import{createRequire as $r}from'node:module';const require=$r(import.meta.url);" },
    logLevel: 'error',
  });
}
