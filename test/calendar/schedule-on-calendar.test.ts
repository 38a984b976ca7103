import { execFileSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { onCalendar, startsAround } from '../../src/calendar/schedule.ts';
import { systemd } from '../nights/clocks.ts';

const ZONES = ['America/New_York', 'Australia/Lord_Howe', 'Asia/Kolkata'];
const EXPRESSIONS = [
  'cron(0 4 * * ? *)',
  'cron(30 5,17 ? * MON-FRI *)',
  'cron(0/20 3-5 * * ? *)',
  'cron(15 4 ? * 2-6 2026)',
  'cron(0 4 1,15 */2 ? *)',
];

test.runIf(systemd)('systemd starts nights at the instants of the schedule, across changes of the clock', () => {
  for (const zone of ZONES) {
    for (const expression of EXPRESSIONS) {
      const calendar = onCalendar({ expression, zone })!;
      for (const from of ['2026-03-06T12:00:00Z', '2026-10-30T12:00:00Z']) {
        const base = from.replace('T', ' ').replace('Z', ' UTC');
        const output = execFileSync(
          'systemd-analyze',
          ['calendar', `--base-time=${base}`, '--iterations=8', calendar],
          {
            env: { ...process.env, TZ: 'UTC' },
          },
        ).toString();
        const theirs = [...output.matchAll(/\w{3} (\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d) UTC$/gm)].map(
          ([, day, time]) => `${day}T${time}.000Z`,
        );
        const ours: string[] = [];
        for (let now = new Date(from); ours.length < 8; ) {
          const next = startsAround({ expression, zone }, now)?.next;
          if (!next) break;
          ours.push(next.toISOString());
          now = next;
        }
        expect([...new Set(theirs)], `${calendar} from ${from}`).toEqual(ours);
      }
    }
  }
});

test('what systemd has no words for is left to the hourly look', () => {
  const zone = 'America/New_York';
  const others = [
    'disabled',
    'rate(1 day)',
    'cron(0 4 L * ? *)',
    'cron(0 4 15W * ? *)',
    'cron(0 4 ? * MON#1 *)',
    'cron(0 4 ? * FRI-MON *)',
  ];
  expect(others.map((expression) => onCalendar({ expression, zone }))).toEqual(others.map(() => undefined));
});
