import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Functions, startFunctions } from '../../src/local/functions.ts';
import { type Jobs, startJobs } from '../../src/local/jobs.ts';
import { root } from '../terraform/tooling.ts';
import { unzip } from '../terraform/unzip.ts';
import type { Deployed } from './deployed.ts';
import { MARKET_NOW } from './market.ts';

const local = (name: string) => join(root, 'dist/local', `${name}.mjs`);

export interface Sandboxes {
  /** By function ARN. */
  functions: Map<string, { functions: Functions; name: string; timeoutSeconds: number }>;
  /** By job definition. */
  jobs: Map<string, Jobs>;
  /** What each has said, by the log group it belongs to; lines of a laptop's log files. */
  logs: { file: string; group: string; stream: string }[];
  close(): Promise<void>;
}

export interface SandboxOptions {
  deployed: Deployed;
  zips: string;
  /** Unpacked code, logs and what a container finds at /scratch. */
  folder: string;
  /** Where AWS is: the one thing that an environment has here and not in the cloud. */
  endpoints: Record<string, string>;
  /** Credentials by role. */
  credentials: Map<string, Record<string, string>>;
}

/**
 * Runs what is deployed as Lambda and Batch do: a process of its own for each function and each job attempt, with the
 * deployed environment, its role's temporary credentials and nothing else.
 */
export function openSandboxes({ deployed, zips, folder, endpoints, credentials }: SandboxOptions): Sandboxes {
  mkdirSync(join(folder, 'logs'), { recursive: true });
  const logs: Sandboxes['logs'] = [];
  const logFileOf = (name: string, group: string) => {
    const file = join(folder, 'logs', `${name}.jsonl`);
    logs.push({ file, group, stream: `${name}/rehearsal` });
    return file;
  };
  const environment = ({ env, role }: { env: Record<string, string>; role: string }) => ({
    ...env,
    ...endpoints,
    ...credentials.get(role),
  });
  // The practice market's calendar stands still, so that every rehearsal sees the same sessions.
  const clock = { AFTERBELL_NOW: MARKET_NOW };
  const functions: Sandboxes['functions'] = new Map();
  for (const one of deployed.functions) {
    const { name, timeoutSeconds } = one;
    const bundle = unpacked(join(zips, `${name}.zip`), one.sha256, one.handler, join(folder, 'functions', name));
    const logFile = logFileOf(name, `/aws/lambda/afterbell-dev-${name}`);
    const worker = local('function-worker');
    const env = { ...environment(one), ...(name === 'practice-market' ? clock : {}) };
    const pool = startFunctions({ bundles: { [name]: bundle }, worker, env, logFile, size: 1 });
    functions.set(one.arn, { functions: pool, name, timeoutSeconds });
  }
  const jobs: Sandboxes['jobs'] = new Map();
  for (const one of deployed.jobs) {
    const { name, definition, command, attempts } = one;
    const program = join(root, 'dist/batch-images', name, 'main.mjs');
    const scratch = join(folder, 'scratch', name);
    mkdirSync(scratch, { recursive: true });
    // The container's volume: what the definition mounts at /scratch is a folder of this machine.
    const env = { ...environment(one), SCRATCH_DIR: scratch, TMPDIR: scratch, HOME: scratch };
    const logFile = logFileOf(name, '/aws/batch/afterbell-dev');
    const definitions = { [definition]: { program, command, attempts } };
    jobs.set(definition, startJobs({ definitions, jobProcess: local('job-process'), env, logFile }));
  }
  return {
    functions,
    jobs,
    logs,
    async close() {
      for (const { functions: pool } of functions.values()) await pool.close();
      for (const queue of jobs.values()) await queue.close();
    },
  };
}

/** The built zip, which has to be the deployed one to the byte: the emulator does not hand code back. */
function unpacked(zip: string, sha256: string, handler: string, folder: string): string {
  const bytes = readFileSync(zip);
  const found = createHash('sha256').update(bytes).digest('base64');
  if (found !== sha256) throw new Error(`${zip} is not what is deployed: ${found} instead of ${sha256}`);
  mkdirSync(folder, { recursive: true });
  for (const file of unzip(bytes)) writeFileSync(join(folder, file.name), file.content);
  const [file, name] = handler.split('.');
  if (name !== 'handler') throw new Error(`the deployed handler is ${handler}, wanted FILE.handler`);
  return join(folder, `${file}.mjs`);
}
