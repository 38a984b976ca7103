import { expect, test } from 'vitest';
import { notifiedLines } from '../../src/cli/progress.ts';
import { withheldLines } from '../../src/report/next-steps.ts';

test('on the terminal a notification leaves out what the verdict says below it, and nothing else', () => {
  const releasing = { sessions: 1, changed: 2, removed: 3 };
  const steps = withheldLines({ runId: 'r', kind: 'night', session: 'd', sessions: ['d'], releasing });
  const told = [
    'Held: prices held.',
    'Why: prices: few rows',
    '- prices: gone',
    'Report: /x',
    ...steps,
    'Repair: npx y',
  ];
  expect(notifiedLines({ subject: 'afterbell Held', message: told.join('\n') })).toEqual([
    '  notified: afterbell Held',
    '    Held: prices held.',
    '    Report: /x',
    '    Repair: npx y',
  ]);
});
