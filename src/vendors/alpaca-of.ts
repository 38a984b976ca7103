import type { Config } from '../config.ts';
import { type Alpaca, alpaca } from './alpaca.ts';
import { keepClient } from './keep-client.ts';

const open = keepClient(alpaca);

/** The process's Alpaca client as the settings and the secret `{"keyId","secretKey"}` want it. */
export function alpacaOf(config: Config, secret: Record<string, string> | undefined): Alpaca {
  return open({ baseUrl: config.ALPACA_BASE_URL, keyId: secret?.keyId, secretKey: secret?.secretKey });
}
