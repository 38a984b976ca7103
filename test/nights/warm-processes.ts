import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { childPath, type FunctionProcess, type Outcome, startFunctionProcess } from '../../src/local/functions.ts';
import { lastWords } from '../../src/local/jobs.ts';
import type { LineLog } from '../../src/local/line-log.ts';
import type { Program } from '../../src/local/program.ts';
import { homesFolder } from '../homes.ts';
import type { WarmJob } from './warm-job.ts';

/** A process that has loaded what functions or jobs need, and where its output goes now. */
interface Warm {
  process: FunctionProcess;
  log?: LineLog;
}

const idle: Record<'functions' | 'jobs', Warm[]> = { functions: [], jobs: [] };
let laptops = 0;
const DAY_SECONDS = 86_400;

/** Of a call that ran on when its process was killed. */
const KILLED = 137;

/**
 * Functions and jobs in processes that go on from one laptop to the next: to load and compile what they need takes ten
 * times what a call does. Each laptop gets function modules of its own, over its own environment; packages and
 * what has no state are shared. What a test stops ends its process, as ever.
 * @param jobs the bundle of warm-job.ts
 */
export function warmProcesses(jobs: () => Promise<string>): NonNullable<Program['processes']> {
  return {
    startProcess: (worker, env, log) => {
      const warm = take('functions', worker);
      warm.log = log;
      const entries = openEntries(env);
      let isBusy = false;
      let isOurs = true;
      return {
        loaded: new Set(),
        usable: () => isOurs && warm.process.usable(),
        run: async (invocation) => {
          isBusy = true;
          const outcome = await warm.process.run({ ...invocation, path: entries.of(invocation.path) });
          isBusy = false;
          return outcome;
        },
        kill: async () => {
          if (!isOurs) return;
          isOurs = false;
          entries.remove();
          if (isBusy) await warm.process.kill();
          await giveBack('functions', warm);
        },
      };
    },
    attempt: async ({ jobProcess, program, command, env, timeoutSeconds, name, id }, log, signal) => {
      const startedAt = Date.now();
      const path = await jobs();
      const warm = take('jobs', join(dirname(jobProcess), 'function-worker.mjs'));
      const reason = lastWords();
      const write: LineLog['write'] = (origin, line) => {
        log.write(origin, line);
        if (origin.stream === 'stderr') reason.add(line);
      };
      warm.log = { ...log, write };
      const stop = () => void warm.process.kill();
      signal?.addEventListener('abort', stop, { once: true });
      if (signal?.aborted) stop();
      const payload: WarmJob = { job: basename(dirname(program)), command, env };
      const call = { id, name, path, payload, timeoutSeconds: timeoutSeconds ?? DAY_SECONDS };
      const outcome = await warm.process.run(call);
      signal?.removeEventListener('abort', stop);
      await giveBack('jobs', warm);
      const exitCode = exitCodeOf(outcome);
      const timedOut = 'fault' in outcome && outcome.fault.errorType === 'Sandbox.Timedout';
      return { exitCode, reason: reason.of(exitCode), timedOut, startedAt, stoppedAt: Date.now() };
    },
  };
}

function take(kind: keyof typeof idle, worker: string): Warm {
  for (let found = idle[kind].pop(); found; found = idle[kind].pop()) if (found.process.usable()) return found;
  const warm = {} as Warm;
  const log: LineLog = { write: (origin, line) => warm.log?.write(origin, line), close: async () => undefined };
  warm.process = startFunctionProcess(worker, { PATH: childPath() }, log);
  return warm;
}

async function giveBack(kind: keyof typeof idle, warm: Warm): Promise<void> {
  warm.log = undefined;
  if (warm.process.usable()) idle[kind].push(warm);
  else await warm.process.kill();
}

function exitCodeOf(outcome: Outcome): number {
  if ('payload' in outcome) return Number(outcome.payload);
  return 'fault' in outcome && outcome.fault.errorType !== 'Sandbox.Timedout' ? 1 : KILLED;
}

/** Files that give a function's module to one laptop alone, with its environment. */
function openEntries(env: Record<string, string>) {
  laptops += 1;
  const folder = mkdtempSync(join(homesFolder(), 'afterbell-functions-'));
  const query = `?laptop=${laptops}`;
  return {
    of(path: string): string {
      const entry = join(folder, basename(path));
      if (!existsSync(entry)) writeFileSync(entry, entryText(`${pathToFileURL(path)}${query}`, env));
      return entry;
    },
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

/** Secrets are asked for again after a quarter of an hour: by then it would be an endpoint that is gone. */
const entryText = (module: string, env: Record<string, string>) => `
import { promisify } from 'node:util';
if (!globalThis.setTimeout.isWarm) {
  const { setTimeout } = globalThis;
  const soon = (act, ms, ...given) => setTimeout(ms > 600_000 ? () => undefined : act, ms, ...given);
  globalThis.setTimeout = Object.assign(soon, { isWarm: true, [promisify.custom]: setTimeout[promisify.custom] });
}
for (const name of Object.keys(process.env)) delete process.env[name];
Object.assign(process.env, ${JSON.stringify(env)});
export const { handler } = await import(${JSON.stringify(module)});
`;
