import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Config, loadConfig, noColour, readEnvFile } from '../config.ts';
import { openStage, type Stage } from '../deployed/stage.ts';
import { type Program, readProgram } from '../local/program.ts';
import { openTerminal, type Terminal } from './terminal.ts';

/** What every command gets. */
export interface Context {
  config: Config;
  program: Program;
  terminal: Terminal;
  /** The instant the command is given at. */
  now: Date;
  /** Aborted by Ctrl-C. */
  signal: AbortSignal;
  /** The deployed stage the command is about; `config` is that stage's then. */
  stage?: Stage;
}

/** @throws Config.Invalid, Usage.Invalid for a stage that is not there */
export async function openContext(options: { json?: boolean; stage?: string }, signal: AbortSignal): Promise<Context> {
  const unknown = readEnvFile('.env');
  const own = loadConfig();
  if (unknown.length > 0) process.stderr.write(`.env names what is no setting: ${unknown.join(', ')}\n`);
  const stage = options.stage === undefined ? undefined : await openStage(options.stage);
  return {
    config: stage?.config ?? own,
    ...(stage ? { stage } : {}),
    program: readProgram(projectRoot()),
    terminal: openTerminal({ ...options, noColor: noColour() }),
    now: own.AFTERBELL_NOW ? new Date(own.AFTERBELL_NOW) : new Date(),
    signal,
  };
}

/** The folder with package.json above this bundle. */
export function projectRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, 'package.json'))) folder = dirname(folder);
  return folder;
}
