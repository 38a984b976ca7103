import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { type Config, loadConfig, noColour, readEnvFile, settingNames } from '../config.ts';
import type { Stage } from '../deployed/stage.ts';
import { NamedError } from '../errors.ts';
import { type Lake, lakeKind } from '../lake/lake.ts';
import { openLake } from '../lake/open-lake.ts';
import { type Program, readProgram } from '../local/program.ts';
import { COMMANDS } from '../report/next-steps.ts';
import { didYouMean, type Stand, there } from '../text.ts';
import { projectRoot, standHere } from './stand.ts';
import { openTerminal, shownLines, type Terminal } from './terminal.ts';

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
  { program, ...signals }: Pick<Context, 'signal' | 'unread'> & { program?: Program },
): Promise<Context> {
  const { unknown, home } = readEnvFile('.env');
  const own = loadConfig();
  if (unknown.length > 0) process.stderr.write(shownLines(ignoredLines(unknown)));
  const stage = options.stage === undefined ? undefined : await stageNamed(options.stage);
  return {
    config: stage?.config ?? own,
    ...(stage ? { stage } : {}),
    program: program ?? readProgram(projectRoot()),
    terminal: openTerminal({ ...options, noColor: noColour(), stand: standOf(stage, own, home) }),
    now: own.AFTERBELL_NOW ? new Date(own.AFTERBELL_NOW) : new Date(),
    ...signals,
  };
}

/** The AWS clients are loaded for a stage only. */
async function stageNamed(name: string): Promise<Stage> {
  const { findRegion, openStage } = await import('../deployed/stage.ts');
  await findRegion(name, projectRoot());
  return openStage(name);
}

/** A misspelt setting would leave its default in force without a word; what is near none may be another program's. */
function ignoredLines(names: readonly string[]): string[] {
  const known = settingNames();
  const near = (name: string) => didYouMean(name, known);
  const others = names.filter((name) => near(name) === undefined);
  return [
    ...names.filter(near).map((name) => `${resolve('.env')}: ${name} is no setting, and is ignored. ${near(name)}`),
    ...(others.length > 0 ? [`.env names what is no setting: ${others.join(', ')}`] : []),
  ];
}

/** What a command typed in this folder needs, to be about the same data: nothing that `.env` or a default says already. */
function standOf(stage: Stage | undefined, { AFTERBELL_HOME: home }: Config, usual: string): Stand {
  const start = standHere();
  if (stage) return { ...start, stage: stage.stage };
  return resolve(home) === resolve(usual) ? start : { ...start, home };
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
      ? `Run one: ${COMMANDS.night(undefined, there(context))}`
      : `Run one: ${COMMANDS.night()}. Or check AFTERBELL_HOME.`,
  });
}
