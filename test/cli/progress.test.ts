import { expect, test } from 'vitest';
import { type Briefs, keepBrief, notifiedLines } from '../../src/cli/progress.ts';
import { noticeOf } from '../../src/night/notice.ts';
import { judgeNight } from '../../src/night/verdict.ts';
import { type Changes, closing, failed, HELD, SESSION } from '../night/closing.ts';

/** What the terminal shows when Close Night gives this outcome and the machine sends its message. */
function shown(changes: Changes): string[] {
  const input = closing(changes);
  const notice = noticeOf({
    night: input.night,
    verdict: judgeNight(input, {}),
    fresh: [],
    served: { sessions: 1, newest: '2026-11-24', complete: {} },
    page: '/x',
    stage: 'local',
    closedAt: '2026-11-26T09:02:00.000Z',
  });
  const briefs: Briefs = new Map();
  const event = { at: '', path: [], state: 'Close Night' };
  keepBrief(briefs, { ...event, type: 'TaskSucceeded', output: { Payload: notice } });
  return notifiedLines(notice, briefs);
}

test('on the terminal a notification has the first reason and the first command; the verdict below it has every one', () => {
  const releasing = { sessions: 1, changed: 2, removed: 3 };
  const check = { ...HELD.check!, holds: [`${SESSION}: few rows`, `${SESSION}: gone`], releasing };
  expect(shown({ prices: { ...HELD, check } })).toEqual([
    `  notified: afterbell Held: session ${SESSION}`,
    `    Held: prices (night night-1 for session ${SESSION}).`,
    '    Since Thu 26 Nov 2026 04:00 EST; it ended after 2 min 00 s.',
    '    Published data is unchanged: 1 session, through 2026-11-24.',
    '    Done all the same: tickers, assets.',
    `    Why: prices: ${SESSION}: few rows (and 1 more reason below)`,
    '    Report: /x',
    '    Look first: npx afterbell report --run night-1',
  ]);
});

test('an error that quotes a command is shown', () => {
  const cause = 'what the proxy says: npx afterbell release night-0 first';
  const lines = shown({ reference: [failed('sync-tickers', 'Vendor.Unavailable', cause)] });
  expect(lines).toContain(
    `    Error: sync-tickers: Vendor.Unavailable: ${cause}. Every try failed; the next run asks again`,
  );
});

test('a message without a short form is shown in full', () => {
  const message = 'Failed: vacuum\nError: vacuum: x\n- apply-retention: y\nRepair: npx y';
  expect(notifiedLines({ subject: 'afterbell Failed', message }, new Map())).toEqual([
    '  notified: afterbell Failed',
    '    Failed: vacuum',
    '    Error: vacuum: x',
    '    - apply-retention: y',
    '    Repair: npx y',
  ]);
});
