import { afterEach, expect, test } from 'vitest';
import { type Loopback, send, startLoopback } from '../vendors/loopback.ts';
import { openScene } from './scene.ts';

let vendor: Loopback | undefined;
afterEach(() => vendor?.close());

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
  expect(outcome.reasons.join('\n')).toContain(
    'Polygon is left alone for 30 s; found 5 failed calls in a row, the last one: Polygon could not answer; found status 502',
  );
  // Five sessions, four attempts each, two tries an attempt would be 40.
  const asked = vendor.requests.filter(({ path }) => path.includes('/grouped/'));
  expect(asked.length).toBeGreaterThanOrEqual(5);
  expect(asked.length).toBeLessThan(15);
});
