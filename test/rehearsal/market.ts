import { generateMarket } from '../../src/local/market/generator.ts';
import { responseOf } from '../../src/local/market/market-handler.ts';
import { openMarket } from '../../src/local/market/open-market.ts';
import { USUAL_SEED } from '../../src/local/practice.ts';
import { InvokedRequest } from '../../src/vendors/invoked-market.ts';

export const SYMBOLS = 30;
/** Its calendar stands still. */
export const MARKET_NOW = '2025-12-01T12:00:00.000Z';

/** The vendors of the rehearsed stage. */
export interface RehearsedMarket {
  /** From now on, until an empty list. */
  misbehave(list: readonly string[]): void;
  /** @param deployed asks the deployed function */
  invoke(event: unknown, deployed: () => Promise<unknown>): Promise<unknown>;
}

/** The deployed function answers; while the market is to misbehave, which the function cannot, the same one in this process. */
export function rehearsedMarket(): RehearsedMarket {
  const source = generateMarket({ symbols: SYMBOLS, seed: USUAL_SEED });
  const market = openMarket({ source, now: () => new Date(MARKET_NOW) });
  let misbehaves = false;
  return {
    misbehave(list) {
      misbehaves = list.length > 0;
      market.misbehave(list);
    },
    async invoke(event, deployed) {
      if (!misbehaves) return deployed();
      const { method, target, headers, body } = InvokedRequest.parse(event);
      const { answer } = await market.answer({ method, target, headers, readBody: async () => body ?? '' });
      return responseOf(answer, source.kind);
    },
  };
}
