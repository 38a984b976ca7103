import { once } from 'node:events';
import { resolve } from 'node:path';
import { generateMarket } from '../local/market/generator.ts';
import { replayMarket } from '../local/market/replay.ts';
import { startMarket } from '../local/market/start-market.ts';
import { practiceOf } from '../local/practice.ts';
import type { Context } from './context.ts';
import { localOnly } from './pipeline.ts';
import { askedPort } from './port.ts';

export interface MarketOptions {
  replay?: string;
  misbehave?: string;
  port?: string;
}

/** As large as it is asked to be, else as the market of the data directory. */
async function marketOf({ SYMBOLS: symbols, ...config }: Context['config']) {
  const kept = await practiceOf(resolve(config.AFTERBELL_HOME), { ...config, SYMBOLS: undefined });
  return { ...kept, ...(symbols !== undefined && { symbols }) };
}

/** Serves the practice market until Ctrl-C. */
export async function market(options: MarketOptions, { config, terminal, signal, stage }: Context): Promise<number> {
  if (stage) throw localOnly('market', 'the practice market serves this computer');
  const source =
    options.replay === undefined ? generateMarket(await marketOf(config)) : await replayMarket(resolve(options.replay));
  const port = askedPort(options.port);
  const misbehave = options.misbehave?.split(',').map((name) => name.trim()) ?? [];
  const served = await startMarket({ source, misbehave, port });
  if (terminal.json) terminal.print(JSON.stringify({ url: served.url }));
  else {
    terminal.print(`The practice market answers at ${served.url}`);
    terminal.print([
      'Use it from another terminal:',
      `  AFTERBELL_HOME=wire POLYGON_BASE_URL=${served.url} POLYGON_API_KEY=x npx afterbell night --session …`,
    ]);
    terminal.print('Ctrl-C ends it.');
  }
  if (!signal.aborted) await once(signal, 'abort');
  await served.close();
  return 0;
}
