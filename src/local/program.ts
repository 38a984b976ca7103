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

/** @param dist the output folder of scripts/build.mjs, `root` the folder with `state-machines/` */
export function readProgram(root: string, dist = join(root, 'dist')): Program {
  const names = (folder: string) => readdirSync(join(dist, folder)).map((file) => parse(file).name);
  const jobs = names('batch-images').map((name) => [name, { program: join(dist, 'batch-images', name, 'main.mjs') }]);
  return {
    root,
    functions: Object.fromEntries(names('zips').map((name) => [name, join(dist, 'functions', `${name}.mjs`)])),
    jobs: Object.fromEntries(jobs),
    local: (name) => join(dist, 'local', `${name}.mjs`),
    cluster: join(dist, 'cluster'),
    pages: join(dist, 'cli', 'pages.js'),
  };
}
