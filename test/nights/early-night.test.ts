import { expect, test } from 'vitest';
import { keys } from '../../src/lake/lake.ts';
import { publishedSessions } from '../../src/lake/session-files.ts';
import { HELD, logLines, MORNING, openScene, SESSION } from './scene.ts';

const grouped = (asked: string[]) => asked.filter((path) => path.startsWith('/v2/aggs/grouped'));

test('a session the vendor does not give yet is waited for, and a later night needs fewer waits', async () => {
  const scene = await openScene({
    misbehave: ['before-end-of-day'],
    timeScale: 1 / 100_000,
    env: { TRAILING_SESSIONS: '0' },
  });
  const { lake } = scene.laptop.stores;
  const early = await scene.run(MORNING);
  expect(early.outcome.status).toBe('Failed');
  expect(early.exitCode).toBe(1);
  expect(grouped(early.asked)).toHaveLength(13);
  const waits = early.events.filter(({ type, state }) => type === 'TaskRetried' && state === 'Stage Session');
  expect(waits.map(({ error, delaySeconds }) => `${error} ${delaySeconds}`)).toEqual(
    Array.from({ length: 12 }, () => 'Vendor.NotYetAvailable 900'),
  );
  expect(early.outcome.reasons[0]).toContain(`${SESSION}: Vendor.NotYetAvailable`);
  expect(early.execution).toMatchObject({ status: 'FAILED', error: 'Night.Failed' });
  expect(early.execution.cause).toContain('Vendor.NotYetAvailable');
  const reference = early.outcome.datasets.filter(({ name }) => name === 'tickers' || name === 'assets');
  expect(reference.map(({ status }) => status)).toEqual(['success', 'success']);
  expect(await lake.read(keys.session(SESSION))).toBeUndefined();
  expect(await publishedSessions(lake)).toHaveLength(HELD.count);
  expect(logLines(scene.home, 'notifications.jsonl')).toHaveLength(1);
  expect(logLines(scene.home, 'events.jsonl')).toEqual([]);

  scene.market.misbehave(['before-end-of-day:2']);
  const later = await scene.run(MORNING);
  expect(later.outcome).toMatchObject({ status: 'Succeeded', sessions: { published: [SESSION] } });
  expect(grouped(later.asked)).toHaveLength(3);
  expect(logLines(scene.home, 'notifications.jsonl')).toHaveLength(1);
});
