import { expect, test } from 'vitest';
import { isSchedule, startsAround } from '../../src/calendar/schedule.ts';

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

test('weekdays are counted from Sunday, 1; last days, nearest weekdays and n-th weekdays are read', () => {
  const now = '2026-11-21T12:00:00Z'; // a Saturday
  const days = (expression: string) => starts(expression, now, 'UTC')?.map((at) => at.slice(0, 10));
  expect(days('cron(0 4 ? * 1 *)')).toEqual(['2026-11-15', '2026-11-22']);
  expect(days('cron(0 4 ? * 2-6 *)')).toEqual(['2026-11-20', '2026-11-23']);
  expect(days('cron(0 4 ? * 1#1 *)')).toEqual(['2026-11-01', '2026-12-06']);
  expect(days('cron(0 4 ? * 6L *)')).toEqual(['2026-10-30', '2026-11-27']);
  expect(days('cron(0 4 L * ? *)')).toEqual(['2026-10-31', '2026-11-30']);
  expect(days('cron(0 4 15W * ? *)')).toEqual(['2026-11-16', '2026-12-15']);
});

test.each([
  ['half a second before a start', '2026-11-20T08:59:59.500Z', '2026-11-19T09:00:00.000Z', '2026-11-20T09:00:00.000Z'],
  ['half a second after it', '2026-11-20T09:00:00.500Z', '2026-11-20T09:00:00.000Z', '2026-11-21T09:00:00.000Z'],
])('%s the start is on its own side', (_name, now, last, next) => {
  expect(starts('cron(0 4 * * ? *)', now)).toEqual([last, next]);
});

test.each([
  'cron(0 4 ? * 1L *)',
  'cron(0 4 L-3 * ? *)',
  'cron(0/15 4 * * ? *)',
  'cron(0 4 * * ? 2026-2030)',
  'rate(2 hours)',
  'at(2026-11-21T09:00:00)',
  'disabled',
])('%s is a schedule', (expression) => {
  expect(isSchedule(expression)).toBe(true);
});

test.each([
  'cron(0 24 * * ? *)',
  'cron(0 4 32 * ? *)',
  'cron(0 4 * 13 ? *)',
  'cron(0/0 4 * * ? *)',
  'cron(5-1 4 * * ? *)',
  'cron(x 4 * * ? *)',
  'cron(0 4 * * ? 1969)',
  '0 4 * * ? *',
  'rate(0 days)',
])('%s is none', (expression) => {
  expect(isSchedule(expression)).toBe(false);
});

test.each([
  'rate(1 day)',
  'disabled',
  'cron(0 4 L-3 * ? *)',
  'cron(0 4 ? * 0 *)',
  'cron(0 4 ? * 8 *)',
  'cron(0 4 * * ? 2200)',
  'cron(61 4 * * ? *)',
  'cron(0 4 * * ?)',
])('%s has no start that could be told', (expression) => {
  expect(starts(expression, '2026-11-21T12:00:00Z')).toBeUndefined();
});
