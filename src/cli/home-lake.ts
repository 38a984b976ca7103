import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Config } from '../config.ts';
import { type Lake, openLake } from '../lake/lake.ts';

/** The lake the settings name: LAKE_URI, else lake/ in the home. For readers; nothing is created. */
export function homeLake({ LAKE_URI, AFTERBELL_HOME }: Pick<Config, 'LAKE_URI' | 'AFTERBELL_HOME'>): Lake {
  return openLake(LAKE_URI ?? pathToFileURL(join(resolve(AFTERBELL_HOME), 'lake')).href);
}
