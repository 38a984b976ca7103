import { expect, test } from 'vitest';
import { portfolioOutcomeOf } from '../../src/cli/portfolio-outcome.ts';
import { importPortfolios } from '../../src/local/portfolio-service.ts';
import { afterbell } from './command.ts';
import { logLines, MORNING, openMarket, openOn, type Scene, SESSION, warmHome } from './scene.ts';

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

test('repairing an older session starts no portfolio run unless it is asked for, and the event says it is a repair', async () => {
  const home = await warmHome();
  const night = async (...args: string[]) => {
    const { stdout, stderr } = await afterbell(['night', ...args, '--json'], { AFTERBELL_HOME: home });
    const { status, desk } = JSON.parse(stdout || `{"status": ${JSON.stringify(stderr)}}`);
    return [status, desk?.session ?? null];
  };
  expect(await night('--session', '2025-11-17')).toEqual(['Succeeded', null]);
  expect(await night('--session', '2025-11-17', '--portfolios')).toEqual(['Succeeded', '2025-11-17']);
  expect(await night('--session', SESSION)).toEqual(['Succeeded', SESSION]);
  const events = logLines(home, 'events.jsonl').map(({ detail, matchedRules }) => {
    const { session, repair } = detail as { session: string; repair: boolean };
    return [session, repair, matchedRules];
  });
  expect(events).toEqual([
    ['2025-11-17', true, []],
    ['2025-11-17', true, ['night-completed']],
    [SESSION, false, ['night-completed']],
  ]);
});
