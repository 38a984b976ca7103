import { expect, test } from 'vitest';
import { startsAround } from '../../src/calendar/schedule.ts';

const starts = (expression: string, now: string, zone = 'America/New_York') => {
  const found = startsAround({ expression, zone }, new Date(now));
  return found && [found.last.toISOString(), found.next.toISOString()];
};

test.each([
  ['between two nights', '2026-11-20T18:00:00Z', '2026-11-20T09:00:00.000Z', '2026-11-21T09:00:00.000Z'],
  ['at the very start', '2026-11-20T09:00:00Z', '2026-11-20T09:00:00.000Z', '2026-11-21T09:00:00.000Z'],
  ['before the clocks go forward', '2026-03-08T06:00:00Z', '2026-03-07T09:00:00.000Z', '2026-03-08T08:00:00.000Z'],
  ['after the clocks go back', '2026-11-01T20:00:00Z', '2026-11-01T09:00:00.000Z', '2026-11-02T09:00:00.000Z'],
])('four in the morning in New York, %s', (_name, now, last, next) => {
  expect(starts('cron(0 4 * * ? *)', now)).toEqual([last, next]);
});

test('weekdays, lists, steps and other zones are read', () => {
  const now = '2026-11-21T12:00:00Z'; // a Saturday
  expect(starts('cron(30 22 ? * MON-FRI *)', now)).toEqual(['2026-11-21T03:30:00.000Z', '2026-11-24T03:30:00.000Z']);
  expect(starts('cron(0/30 6,18 * * ? *)', now, 'UTC')).toEqual([
    '2026-11-21T06:30:00.000Z',
    '2026-11-21T18:00:00.000Z',
  ]);
  expect(starts('cron(0 5 29 FEB ? *)', now, 'UTC')).toEqual(['2024-02-29T05:00:00.000Z', '2028-02-29T05:00:00.000Z']);
});

test.each([
  'rate(1 day)',
  'disabled',
  'cron(0 4 L * ? *)',
  'cron(0 4 ? * 1#1 *)',
  'cron(61 4 * * ? *)',
  'cron(0 4 * * ?)',
])('%s has no start that could be told', (expression) => {
  expect(starts(expression, '2026-11-21T12:00:00Z')).toBeUndefined();
});
