import { expect, test } from 'vitest';
import { nextText } from '../../../src/cli/status/print.ts';

const NEXT = {
  night: '2026-12-01T09:00:00.000Z',
  expression: 'cron(0 4 * * ? *)',
  session: '2026-11-30',
  closes: '2026-11-30T21:00:00.000Z',
};
const CLOSE = 'Session 2026-11-30 closes Mon 30 Nov 2026 16:00 EST';

test('a timer that was set up says when it starts the next night', () => {
  expect(nextText(NEXT, '2026-11-27', true)).toBe(
    `${CLOSE}. Next night: Tue 01 Dec 2026 04:00 EST, by cron(0 4 * * ? *).`,
  );
});

test('one call of schedule --run by hand is no promise of the next', () => {
  const said = nextText({ ...NEXT, byHand: '2026-11-30T09:00:00.000Z' }, '2026-11-27', true);
  expect(said).toBe(
    `${CLOSE}. Next night: Tue 01 Dec 2026 04:00 EST, if your own timer calls \`schedule --run\` again as for Mon 30 Nov 2026 04:00 EST.`,
  );
});

test('where nothing starts nights the command that sets it up is named', () => {
  const said = nextText({ ...NEXT, night: null, expression: null }, '2026-11-27', true);
  expect(said).toContain('nothing here starts one; set it up: npx afterbell schedule');
});
