import { spawn } from 'node:child_process';
import { mkdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { build, type Plugin } from 'esbuild';

/** Inside the repository, so that the bundle finds its native dependencies. */
const folder = fileURLToPath(new URL('../../dist/test-programs/', import.meta.url));

/**
 * Bundles a job's entry point as the build does; returns the program's path.
 * @param closure a day that the program's calendar knows as closed besides
 */
export async function bundleJob(job: 'consolidator' | 'resampler', closure?: string): Promise<string> {
  mkdirSync(folder, { recursive: true });
  const outfile = `${folder}${job}${closure ?? ''}.mjs`;
  await build({
    entryPoints: [fileURLToPath(new URL(`../../batch-images/${job}/main.ts`, import.meta.url))],
    outfile,
    bundle: true,
    platform: 'node',
    target: 'node20',
    format: 'esm',
    loader: { '.sql': 'text' },
    mainFields: ['module', 'main'],
    external: ['@duckdb/node-api'],
    banner: { js: "import{createRequire as $r}from'node:module';const require=$r(import.meta.url);" },
    logLevel: 'error',
    plugins: closure === undefined ? [] : [withClosure(closure)],
  });
  return outfile;
}

function withClosure(date: string): Plugin {
  return {
    name: 'one more closure',
    setup: ({ onLoad }) =>
      onLoad({ filter: /calendar\/holidays\.ts$/ }, ({ path }) => {
        const entry = JSON.stringify({ dates: [date], reason: 'Day of mourning', source: 'this test' });
        return { contents: `${readFileSync(path, 'utf8')}\nCLOSURES.push(${entry});\n`, loader: 'ts' };
      }),
  };
}

export interface Ended {
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

/** Runs a program with this environment only. */
export function runProgram(
  program: string,
  argv: readonly string[],
  env: Record<string, string>,
  meddle: (child: ReturnType<typeof spawn>) => void = () => {},
): Promise<Ended> {
  const child = spawn(process.execPath, [program, ...argv], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  const ended: Ended = { code: null, signal: null, stdout: '', stderr: '' };
  child.stdout.on('data', (text) => {
    ended.stdout += text;
  });
  child.stderr.on('data', (text) => {
    ended.stderr += text;
  });
  meddle(child);
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => resolve({ ...ended, code, signal }));
  });
}
