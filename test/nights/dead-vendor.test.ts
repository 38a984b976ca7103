import { afterEach, expect, test } from 'vitest';
import { generateMarket } from '../../src/local/market/generator.ts';
import { type Loopback, send, startLoopback } from '../vendors/loopback.ts';
import { afterbell } from './command.ts';
import { HELD, MORNING, openMarket, openScene, SESSION, SYMBOLS, warmHome } from './scene.ts';

let vendor: Loopback | undefined;
afterEach(() => vendor?.close());

const datesAsked = (paths: readonly string[]) =>
  new Set(paths.flatMap((path) => /\/grouped\/.*\/(\d{4}-\d\d-\d\d)/.exec(path)?.[1] ?? []));

test('a vendor that is down is left alone by a whole backfill, not asked again for every session', async () => {
  // Not the practice market: with practice data nothing is spared.
  vendor = await startLoopback((response) => send(response, 502, '<html></html>'));
  const scene = await openScene({
    env: { POLYGON_BASE_URL: vendor.url, POLYGON_CALLS_PER_MINUTE: '0' },
    timeScale: 1 / 100_000,
  });
  const to = '2025-11-25';
  const { outcome } = await scene.run({ from: '2025-11-19', to }, { kind: 'backfill', session: to });
  expect(outcome).toMatchObject({ status: 'Failed', sessions: { published: [] } });
  const { host } = new URL(vendor.url);
  expect(outcome.reasons.join('\n')).toContain(
    `Polygon (${host}) is left alone for 30 s; found 5 failed calls in a row, the last one: Polygon (${host}) could not answer; found status 502`,
  );
  // Five sessions, four attempts each, two tries an attempt would be 40.
  const asked = vendor.requests.filter(({ path }) => path.includes('/grouped/'));
  expect(asked.length).toBeGreaterThanOrEqual(5);
  expect(asked.length).toBeLessThan(15);
});

test('a backfill from a vendor that is down ends after one session, and says whom it waits for, why, and what is next', async () => {
  const market = await openMarket({ misbehave: ['server-error@grouped'] });
  const { host } = new URL(market.url);
  const env = { AFTERBELL_HOME: await warmHome(), POLYGON_BASE_URL: market.url, POLYGON_API_KEY: 'x' };
  const range = ['--from', SESSION, '--to', '2025-11-28'];
  const said = await afterbell(['backfill', ...range], env);
  expect(said.code).toBe(1);
  expect(said.stderr).toMatch(
    new RegExp(
      `Stage Session: waits [\\d.]+ s, then try 2: Vendor\\.Unavailable: Polygon \\(${host}\\) could not answer; found status 5`,
    ),
  );
  const reasons = said.stdout.split('\n').filter((line) => line.startsWith('- prices: '));
  // Two lanes, as nothing limits the practice market's calls: each asks for one session at length, for another once.
  expect(reasons).toHaveLength(5);
  expect(reasons[0]).toMatch(
    new RegExp(
      `^- prices: 2025-11-28: Vendor\\.Unavailable: Polygon \\(${host}\\) could not answer; .*\\. 4 tries failed; the next run asks again$`,
    ),
  );
  expect(reasons[4]).toBe(
    '- prices: 3 more sessions (2025-11-20 to 2025-11-26) were not asked for: the vendor is down',
  );
  expect(datesAsked(market.requests.map(({ path }) => path)).size).toBe(4);

  market.misbehave([]);
  const again = await afterbell(['backfill', ...range, '--json'], env);
  expect(JSON.parse(again.stdout)).toMatchObject([{ status: 'Succeeded', sessions: { failed: [] } }]);
});

test('a night whose vendor goes down after its own session publishes it and skips the rest of the trailing ones', async () => {
  const whole = generateMarket({ symbols: SYMBOLS, seed: 1 });
  const bars = async (date: string) => {
    if (date !== SESSION) throw new Error('down');
    return whole.bars(date);
  };
  const scene = await openScene({ source: { ...whole, bars }, timeScale: 1 / 3000 });
  const { outcome, asked } = await scene.run(MORNING);
  expect(outcome).toMatchObject({ status: 'Partial', sessions: { published: [SESSION] } });
  // Of five trailing sessions two in each lane were asked for, where the first lane has the night's own besides.
  expect(datesAsked(asked).size).toBe(5);
  expect(outcome.reasons.at(-1)).toBe(`prices: 1 more session (${HELD.last}) was not asked for: the vendor is down`);
});

test('one session that the vendor fails on costs that session only', async () => {
  const whole = generateMarket({ symbols: SYMBOLS, seed: 1 });
  const bars = async (date: string) => {
    if (date === HELD.last) throw new Error('no such day');
    return whole.bars(date);
  };
  const scene = await openScene({ source: { ...whole, bars }, timeScale: 1 / 3000 });
  const { outcome } = await scene.run(MORNING);
  expect(outcome).toMatchObject({ status: 'Partial', sessions: { published: [SESSION] } });
  expect(outcome.reasons.join('\n')).not.toContain('not asked for');
  expect(outcome.reasons).toHaveLength(1);
});
