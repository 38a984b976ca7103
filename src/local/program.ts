import { readdirSync } from 'node:fs';
import { join, parse } from 'node:path';
import type { startFunctionProcess } from './functions.ts';
import type { JobDefinition, runAttempt } from './jobs.ts';

/** The built product: where its bundles and state machines lie. */
export interface Program {
  /** The repository: `state-machines/` is read from here. */
  root: string;
  /** Bundle by function name. */
  functions: Record<string, string>;
  jobs: Record<string, JobDefinition>;
  /** A child program of the laptop itself. */
  local(name: 'function-worker' | 'job-process' | 'pglite-worker'): string;
  /** An empty PostgreSQL cluster that new homes copy. */
  cluster: string;
  /** The script of the pages that report --serve serves. */
  pages: string;
  /** How functions and jobs are started where it is not a process of its own for each laptop and attempt. */
  processes?: { startProcess: typeof startFunctionProcess; attempt: typeof runAttempt };
}

/** What several functions share has a hash of capitals in its name. */
const FUNCTION_FILE = /^[a-z0-9-]+\.mjs$/;

/** @param dist the output folder of scripts/build.mjs, `root` the folder with `state-machines/` */
export function readProgram(root: string, dist = join(root, 'dist')): Program {
  const jobs = readdirSync(join(dist, 'batch-images')).map((name) => [
    name,
    { program: join(dist, 'batch-images', name, 'main.mjs') },
  ]);
  const functions = readdirSync(join(dist, 'functions')).filter((file) => FUNCTION_FILE.test(file));
  return {
    root,
    functions: Object.fromEntries(functions.map((file) => [parse(file).name, join(dist, 'functions', file)])),
    jobs: Object.fromEntries(jobs),
    local: (name) => join(dist, 'local', `${name}.mjs`),
    cluster: join(dist, 'cluster'),
    pages: join(dist, 'cli', 'pages.js'),
  };
}
