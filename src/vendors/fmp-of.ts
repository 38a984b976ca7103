import type { Config } from '../config.ts';
import { type Fmp, fmp } from './fmp.ts';
import { keepClient } from './keep-client.ts';

const open = keepClient(fmp);

/** The process's FMP client as the settings and the secret `{"apiKey"}` want it. */
export function fmpOf(config: Config, secret: Record<string, string> | undefined): Fmp {
  return open({ baseUrl: config.FMP_BASE_URL, apiKey: secret?.apiKey, callsPerMinute: config.FMP_CALLS_PER_MINUTE });
}
