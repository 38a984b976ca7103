import type { Config } from '../config.ts';
import { type Ishares, ishares } from './ishares.ts';
import { keepClient } from './keep-client.ts';

const open = keepClient(ishares);

/** The process's client for the holdings file that the settings name. */
export function isharesOf(config: Config): Ishares {
  return open({ uri: config.INDEX_MEMBERS_URI });
}
