import fc from 'fast-check';
import { expect, test } from 'vitest';
import { previousSession, sessionsBetween } from '../../src/calendar/sessions.ts';
import { planRefetch } from '../../src/night/plan-refetch.ts';

const DATES = sessionsBetween('2025-10-01', '2025-11-19');
const LAST = DATES.at(-1)!;
const usual = { trailing: 5, gapsAtOnce: 20 };

test('the five held sessions before the night are fetched again', () => {
  const held = new Set(DATES.slice(0, -1));
  expect(planRefetch(LAST, held, usual)).toEqual({ again: DATES.slice(-6, -1), gaps: [], notes: [] });
  expect(planRefetch(LAST, new Set(DATES), usual).again).toEqual(DATES.slice(-6, -1));
});

test('what is missing between is a gap, named before it is fetched', () => {
  const held = new Set(DATES.filter((date) => date !== '2025-11-17' && date !== '2025-10-15'));
  const { again, gaps, notes } = planRefetch(LAST, held, usual);
  expect(again).toEqual(['2025-11-12', '2025-11-13', '2025-11-14', '2025-11-18']);
  expect(gaps).toEqual(['2025-10-15', '2025-11-17']);
  expect(notes).toEqual(['2 sessions are missing, fetched first: 2025-10-15, 2025-11-17']);
});

test('of many gaps the newest come first, and the rest is said', () => {
  const { gaps, notes } = planRefetch(LAST, new Set([DATES[0]!]), { trailing: 5, gapsAtOnce: 3 });
  expect(gaps).toEqual(DATES.slice(-4, -1));
  expect(notes[1]).toBe(
    `${DATES.length - 5} sessions are still missing; the next nights go on, or at once: npx afterbell backfill --from ${DATES[1]} --to ${DATES.at(-5)}`,
  );
});

test('an empty lake, or one that begins later, has neither', () => {
  expect(planRefetch(LAST, new Set(), usual)).toEqual({ again: [], gaps: [], notes: [] });
  expect(planRefetch(LAST, new Set([LAST]), usual)).toEqual({ again: [], gaps: [], notes: [] });
  expect(planRefetch(LAST, new Set(DATES), { trailing: 0, gapsAtOnce: 0 })).toEqual({ again: [], gaps: [], notes: [] });
});

test('night after night every gap is healed, and nothing is fetched twice in one night', () => {
  fc.assert(
    fc.property(
      fc.subarray(DATES.slice(0, -1), { minLength: 1 }),
      fc.integer({ min: 1, max: 7 }),
      (have, gapsAtOnce) => {
        const held = new Set(have);
        const first = have[0]!;
        for (let nights = 0; nights <= DATES.length; nights += 1) {
          const { again, gaps } = planRefetch(LAST, held, { trailing: 5, gapsAtOnce });
          expect(new Set([...again, ...gaps]).size).toBe(again.length + gaps.length);
          expect(gaps.length).toBeLessThanOrEqual(gapsAtOnce);
          if (gaps.length === 0) break;
          for (const date of gaps) held.add(date);
        }
        expect([...held].sort()).toEqual(sessionsBetween(first, previousSession(LAST)));
      },
    ),
  );
});
