import { expect, test } from 'vitest';
import { portfolioOutcomeOf } from '../../src/cli/portfolio-outcome.ts';
import { importPortfolios } from '../../src/local/portfolio-service.ts';
import { MORNING, openMarket, openOn, type Scene, SESSION, warmHome } from './scene.ts';

async function openHeld(...misbehave: string[]): Promise<Scene> {
  const market = await openMarket({ misbehave });
  const env = { XAI_API_KEY: 'x', XAI_API_URL: `${market.url}/v1` };
  const scene = await openOn(await warmHome(), market, { env });
  const { tables, config } = scene.laptop.stores;
  await importPortfolios(tables, config, [{ portfolio: 'core', positions: [{ symbol: 'AAPL', quantity: 5 }] }]);
  return scene;
}

/** The portfolio runs that were started by events since the last look: as of which session, and what became of `core`. */
async function portfolioRuns({ laptop }: Scene): Promise<unknown[]> {
  const outcomes = (await laptop.settled()).map((execution) => portfolioOutcomeOf(execution, laptop));
  return (await Promise.all(outcomes)).map(({ session, portfolios }) => [session, portfolios[0]?.status]);
}

test('a partial night starts the portfolio run as a good one does: its prices are in', async () => {
  const scene = await openHeld('unauthorized@assets');
  expect((await scene.run(MORNING)).outcome.status).toBe('Partial');
  expect(await portfolioRuns(scene)).toEqual([[SESSION, 'analysed']]);
});

test('a held night starts nothing, its release does', async () => {
  const scene = await openHeld('half-missing@grouped');
  const night = await scene.run(MORNING);
  expect(night.outcome.status).toBe('Held');
  expect(await portfolioRuns(scene)).toEqual([]);
  const released = await scene.run({ release: night.runId }, { kind: 'release' });
  expect(released.outcome.status).toBe('Succeeded');
  expect(await portfolioRuns(scene)).toEqual([[SESSION, 'analysed']]);
});
