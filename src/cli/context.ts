import { existsSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { type Config, loadConfig, noColour, readEnvFile } from '../config.ts';
import type { Stage } from '../deployed/stage.ts';
import { NamedError } from '../errors.ts';
import { type Lake, lakeKind } from '../lake/lake.ts';
import { openLake } from '../lake/open-lake.ts';
import { type Program, readProgram } from '../local/program.ts';
import { openTerminal, type Terminal } from './terminal.ts';

/** What every command gets. */
export interface Context {
  config: Config;
  program: Program;
  terminal: Terminal;
  /** The instant the command is given at. */
  now: Date;
  /** Aborted by Ctrl-C, SIGTERM and SIGHUP. */
  signal: AbortSignal;
  /** Aborted when nobody reads stdout any more. */
  unread: AbortSignal;
  /** The deployed stage the command is about; `config` is that stage's then. */
  stage?: Stage;
}

/** @throws Config.Invalid, Usage.Invalid for a stage that is not there */
export async function openContext(
  options: { json?: boolean; stage?: string },
  signals: Pick<Context, 'signal' | 'unread'>,
): Promise<Context> {
  const unknown = readEnvFile('.env');
  const own = loadConfig();
  if (unknown.length > 0) process.stderr.write(`.env names what is no setting: ${unknown.join(', ')}\n`);
  const stage = options.stage === undefined ? undefined : await stageNamed(options.stage);
  return {
    config: stage?.config ?? own,
    ...(stage ? { stage } : {}),
    program: readProgram(projectRoot()),
    terminal: openTerminal({ ...options, noColor: noColour() }),
    now: own.AFTERBELL_NOW ? new Date(own.AFTERBELL_NOW) : new Date(),
    ...signals,
  };
}

/** The AWS clients are loaded for a stage only. */
async function stageNamed(name: string): Promise<Stage> {
  const { openStage } = await import('../deployed/stage.ts');
  return openStage(name);
}

/** The folder with package.json above this bundle. */
export function projectRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, 'package.json'))) folder = dirname(folder);
  return folder;
}

/** The lake the settings name: LAKE_URI, else lake/ in the home. For readers; nothing is created. */
export function homeLake({ LAKE_URI, AFTERBELL_HOME }: Pick<Config, 'LAKE_URI' | 'AFTERBELL_HOME'>): Lake {
  return openLake(LAKE_URI ?? pathToFileURL(join(resolve(AFTERBELL_HOME), 'lake')).href);
}

/** The home or the stage a command is about, for a person. */
export function whereOf({ config, stage }: Pick<Context, 'config' | 'stage'>): string {
  return stage ? `stage ${stage.stage}` : resolve(config.AFTERBELL_HOME);
}

/** @throws Usage.Invalid where no night has run: fails on a mistyped data directory instead of creating one */
export async function requireBegun(context: Pick<Context, 'config' | 'stage'>): Promise<void> {
  if ((await lakeKind(homeLake(context.config))) !== undefined) return;
  throw new NamedError('Usage.Invalid', {
    what: `no night has run in ${whereOf(context)}`,
    todo: context.stage
      ? `Run one: npx afterbell night --stage ${context.stage.stage}`
      : '`make run` starts one; or check AFTERBELL_HOME.',
  });
}
