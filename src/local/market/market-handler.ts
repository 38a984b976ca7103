import { type Config, loadConfig } from '../../config.ts';
import { NamedError, schemaProblems } from '../../errors.ts';
import { createLogger } from '../../log.ts';
import { InvokedRequest, type InvokedResponse, packBody } from '../../vendors/invoked-market.ts';
import { USUAL_SEED, USUAL_SYMBOLS } from '../practice.ts';
import { generateMarket } from './generator.ts';
import { openMarket } from './open-market.ts';
import type { MarketResponse } from './routes.ts';

/**
 * The practice market as a function of a deployed stage: the same market of the same seed that a laptop starts. It keeps
 * nothing between requests, so any number of sandboxes answer alike; deferred answers of the model are the one exception,
 * and a practice stage does not ask for them.
 */
export function marketHandler({
  name,
  config = loadConfig(),
}: {
  name: string;
  config?: Config;
}): (event: unknown) => Promise<InvokedResponse> {
  const { SYMBOLS: symbols = USUAL_SYMBOLS, AFTERBELL_NOW: fixed, LOG_LEVEL } = config;
  const log = createLogger(name, LOG_LEVEL);
  const source = generateMarket({ symbols, seed: USUAL_SEED });
  const market = openMarket({ source, now: () => (fixed === undefined ? new Date() : new Date(fixed)) });
  return async (event) => {
    const request = InvokedRequest.safeParse(event);
    if (!request.success) {
      const found = schemaProblems(request.error, 'event').join('; ');
      throw new NamedError('Data.Invalid', { what: `${name} was called with a wrong event`, found });
    }
    const { method, target, headers, body } = request.data;
    const { answer } = await market.answer({ method, target, headers, readBody: async () => body ?? '' });
    log.debug('request', { method, path: target.split('?')[0]!, status: answer.status });
    return responseOf(answer, source.kind);
  };
}

/** An answer as a function gives it back. */
export function responseOf(answer: MarketResponse, kind: string): InvokedResponse {
  return {
    status: answer.status,
    headers: {
      'content-type': answer.type ?? 'application/json',
      'x-afterbell-practice': kind,
      ...answer.headers,
    },
    body: packBody(answer.json === undefined ? (answer.text ?? '') : JSON.stringify(answer.json)),
  };
}
