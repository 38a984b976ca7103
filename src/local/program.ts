import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { JobDefinition } from './jobs.ts';

/** The built product: where its bundles and state machines lie. */
export interface Program {
  /** The repository: `state-machines/` is read from here. */
  root: string;
  /** Bundle by function name. */
  functions: Record<string, string>;
  jobs: Record<string, JobDefinition>;
  /** A child program of the laptop itself. */
  local(name: 'function-worker' | 'job-process' | 'initdb'): string;
}

/** @param dist the output folder of scripts/build.mjs, `root` the folder with `state-machines/` */
export function readProgram(root: string, dist = join(root, 'dist')): Program {
  const bundles = (folder: string, file: string) =>
    Object.fromEntries(readdirSync(join(dist, folder)).map((name) => [name, join(dist, folder, name, file)]));
  const programs = Object.entries(bundles('batch-images', 'main.mjs'));
  return {
    root,
    functions: bundles('functions', 'index.mjs'),
    jobs: Object.fromEntries(programs.map(([name, program]) => [name, { program }])),
    local: (name) => join(dist, 'local', `${name}.mjs`),
  };
}
