import { expect, test } from 'vitest';
import { ACCOUNT, REGION } from '../../src/local/aws/environment.ts';
import { afterbell } from './command.ts';
import { MORNING, openScene, SESSION } from './scene.ts';

test('a second night on the same home is refused by name and exit code, and readers go on reading', async () => {
  const scene = await openScene();
  const env = { AFTERBELL_HOME: scene.home };
  const refused = await afterbell(['night', '--session', SESSION], env);
  expect(refused.code).toBe(75);
  expect(refused.stdout).toBe('');
  expect(refused.stderr).toMatch(new RegExp(`^Home\\.Busy: .*${scene.home}.*pid ${process.pid} `));
  const asked = await afterbell(['query', '--warehouse', 'SELECT count(*)::int AS n FROM stock_prices', '--json'], env);
  expect(asked.code, asked.stderr).toBe(0);
  expect(JSON.parse(asked.stdout)[0].n).toBeGreaterThan(0);
  expect(scene.market.requests.filter(({ path }) => path !== '/')).toEqual([]);
});

test('the lake lock of a dead execution is taken over; a living one is waited for', async () => {
  const scene = await openScene();
  const { runs } = scene.laptop.stores;
  const dead = `arn:aws:states:${REGION}:${ACCOUNT}:execution:afterbell-local-nightly:night-before`;
  const since = '2025-11-19T09:00:00.000Z';
  await runs.takeLock({ executionArn: dead, runId: 'night-before', session: SESSION, kind: 'night', since });

  const together = await Promise.all([scene.run(MORNING), scene.run(MORNING)]);
  expect(together.map(({ outcome }) => outcome.status).sort()).toEqual(['Skipped', 'Succeeded']);
  const second = together.find(({ outcome }) => outcome.status === 'Skipped')!;
  const waits = second.events.filter(({ type }) => type === 'TaskRetried').map(({ error }) => error);
  expect(new Set(waits)).toEqual(new Set(['Night.LockBusy']));
  expect(await runs.lock()).toBeUndefined();
});
