import { expect, test } from 'vitest';
import { notifiedText } from '../../src/cli/progress.ts';
import { heldLines } from '../../src/report/next-steps.ts';

test('on the terminal a notification leaves out what the verdict says below it, and nothing else', () => {
  const releasing = { sessions: 1, changed: 2, removed: 3 };
  const steps = heldLines({ runId: 'r', kind: 'night', session: 'd', sessions: ['d'], releasing });
  const told = [
    'Held: prices held.',
    'Why: prices: few rows',
    '- prices: gone',
    'Report: /x',
    ...steps,
    'Repair: npx y',
  ];
  expect(notifiedText({ subject: 'afterbell Held', message: told.join('\n') })).toBe(
    '  notified: afterbell Held\n    Held: prices held.\n    Report: /x\n    Repair: npx y',
  );
});
