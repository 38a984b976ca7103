import type { Config } from '../config.ts';
import { type Fmp, fmp } from './fmp.ts';

/** The FMP client as the settings and the secret `{"apiKey"}` want it. */
export function fmpOf(config: Config, secret: Record<string, string> | undefined): Fmp {
  return fmp({ baseUrl: config.FMP_BASE_URL, apiKey: secret?.apiKey, callsPerMinute: config.FMP_CALLS_PER_MINUTE });
}
