import { build } from 'esbuild';

/** Makes one file of a program of scripts/ and what it imports from src/; packages with native parts stay where they are. */
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
    external: ['@duckdb/node-api', '@electric-sql/pglite', 'dynalite', 'fs-native-extensions', 'pg'],
    // CommonJS dependencies call require; an ES module has none of its own.
    banner: { js: "import{createRequire as $r}from'node:module';const require=$r(import.meta.url);" },
    logLevel: 'error',
  });
}
