import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Config } from '../config.ts';
import { NamedError } from '../errors.ts';
import { type Lake, openLake } from '../lake/lake.ts';
import { lakeKind } from '../lake/stamp.ts';
import type { Context } from './context.ts';

/** The lake the settings name: LAKE_URI, else lake/ in the home. For readers; nothing is created. */
export function homeLake({ LAKE_URI, AFTERBELL_HOME }: Pick<Config, 'LAKE_URI' | 'AFTERBELL_HOME'>): Lake {
  return openLake(LAKE_URI ?? pathToFileURL(join(resolve(AFTERBELL_HOME), 'lake')).href);
}

/** The home or the stage a command is about, for a person. */
export function whereOf({ config, stage }: Pick<Context, 'config' | 'stage'>): string {
  return stage ? `stage ${stage.stage}` : resolve(config.AFTERBELL_HOME);
}

/** @throws Usage.Invalid where no night has run: a home named by a slip of the pen has nothing to be asked */
export async function requireBegun(context: Pick<Context, 'config' | 'stage'>): Promise<void> {
  if ((await lakeKind(homeLake(context.config))) !== undefined) return;
  throw new NamedError('Usage.Invalid', {
    what: `no night has run in ${whereOf(context)}`,
    todo: context.stage
      ? `Run one: npx afterbell night --stage ${context.stage.stage}`
      : '`make run` starts one; or check AFTERBELL_HOME.',
  });
}
