import { expect, test } from 'vitest';
import { sessionsBetween } from '../../src/calendar/calendar.ts';
import { limitedMarket, openScene } from './scene.ts';

test('old sessions with fewer symbols than today are published, and a bad one among them is held', async () => {
  const range = { from: '2025-05-01', to: '2025-05-12' };
  const dates = sessionsBetween(range.from, range.to);
  const limits = new Map(dates.map((date) => [date, 48]));
  limits.set(dates[1]!, 24);
  const scene = await openScene({ source: limitedMarket(limits) });
  const { outcome } = await scene.run(range, { kind: 'backfill', session: range.to });
  expect(outcome.reasons.join('\n')).not.toContain('usually 62');
  expect(outcome.sessions).toMatchObject({
    published: dates.filter((date) => date !== dates[1]),
    held: [dates[1]],
  });
});
