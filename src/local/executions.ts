import { readFileSync } from 'node:fs';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { atStage, jsonFrom } from '../text.ts';
import type { ExecutionEnd } from './states/events.ts';
import { loadMachine } from './states/load.ts';
import type { Machine } from './states/machine.ts';
import { placeholdersIn, renderTemplate } from './states/template.ts';

/** An execution that began here and whose end nobody saw. */
export interface Begun {
  arn: string;
  name: string;
  startTime: string;
  /** Somebody was notified of its end; only the ledger lacks it. */
  told?: boolean;
}

/** Executions of this home by files in its logs: one that is there when a home is opened was killed with its process. */
export class RunningExecutions {
  readonly #folder: string;

  constructor(logs: string) {
    this.#folder = join(logs, 'running');
  }

  async begin(begun: Begun): Promise<void> {
    await mkdir(this.#folder, { recursive: true });
    await writeFile(this.#fileOf(begun), JSON.stringify(begun));
  }

  async end(begun: Pick<Begun, 'name'>): Promise<void> {
    await rm(this.#fileOf(begun), { force: true });
  }

  /** Those of dead processes, oldest first. A file cut short by a full disk still has its name. */
  async leftBehind(): Promise<Begun[]> {
    const names = await readdir(this.#folder).catch(() => []);
    const found = names.map(async (file): Promise<Begun> => {
      const text = await readFile(join(this.#folder, file), 'utf8');
      const name = file.replace(/\.json$/, '');
      try {
        return JSON.parse(text) as Begun;
      } catch {
        return { arn: name, name, startTime: '' };
      }
    });
    return (await Promise.all(found)).sort((a, b) => (a.startTime < b.startTime ? -1 : 1));
  }

  #fileOf({ name }: Pick<Begun, 'name'>): string {
    return join(this.#folder, `${name}.json`);
  }
}

export type Execution = ExecutionEnd & { runId: string };

/** Executions that events have started: nobody called for them, so somebody has to wait for their end. */
export class Triggered {
  #running: Promise<Execution>[] = [];
  readonly #stop = new AbortController();

  start(run: (signal: AbortSignal) => Promise<Execution>): void {
    const execution = run(this.#stop.signal);
    // Whoever waits gets the rejection; until then it must not end the process.
    execution.catch(() => undefined);
    this.#running.push(execution);
  }

  async settled(signal?: AbortSignal): Promise<Execution[]> {
    const stop = () => this.#stop.abort(signal?.reason);
    if (signal?.aborted) stop();
    signal?.addEventListener('abort', stop, { once: true });
    try {
      return await Promise.all(this.#running.splice(0));
    } finally {
      signal?.removeEventListener('abort', stop);
    }
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await Promise.allSettled(this.#running.splice(0));
  }
}

/** The machine each rule of `state-machines/rules.json` starts with the event's detail; Terraform has the same targets. */
export const RULE_TARGETS: Readonly<Record<string, MachineName>> = { 'night-completed': 'portfolio' };

/** Files of `state-machines/` that a laptop runs. */
export type MachineName = 'nightly' | 'portfolio' | 'maintenance';

/** Job definitions by placeholder: the same words as in Terraform. */
const JOB_PROGRAMS = ['consolidator', 'resampler'] as const;

/**
 * The machine of `state-machines/{name}.asl.json` with a laptop's names in its placeholders: a function's
 * placeholder is its folder's name in snake case.
 */
export function laptopMachine(root: string, name: string): Machine {
  const text = readFileSync(join(root, 'state-machines', `${name}.asl.json`), 'utf8');
  const values = placeholdersIn(text).map((placeholder) => [placeholder, localName(placeholder)]);
  return loadMachine(jsonFrom(renderTemplate(text, Object.fromEntries(values))), { name });
}

function localName(placeholder: string): string {
  if (placeholder === 'topic') return 'arn:aws:sns:us-east-1:000000000000:afterbell-local';
  if (placeholder === 'job_queue') return 'afterbell-local';
  if (placeholder === 'at_stage') return atStage('local');
  return (JOB_PROGRAMS as readonly string[]).includes(placeholder) ? placeholder : placeholder.replaceAll('_', '-');
}

/** The patterns of `state-machines/rules.json`, which Terraform deploys as they are. */
export function ruleFile(root: string): Record<string, Record<string, unknown>> {
  return JSON.parse(readFileSync(join(root, 'state-machines', 'rules.json'), 'utf8'));
}
