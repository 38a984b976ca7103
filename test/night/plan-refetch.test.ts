import fc from 'fast-check';
import { expect, test } from 'vitest';
import { previousSession, sessionsBetween } from '../../src/calendar/calendar.ts';
import { planRefetch } from '../../src/night/plan.ts';

const DATES = sessionsBetween('2025-10-01', '2025-11-19');
const LAST = DATES.at(-1)!;
const usual = { trailing: 5, gapsAtOnce: 20, backOffs: {} };

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
  const { gaps, notes } = planRefetch(LAST, new Set([DATES[0]!]), { ...usual, trailing: 5, gapsAtOnce: 3 });
  expect(gaps).toEqual(DATES.slice(-4, -1));
  expect(notes[1]).toBe(
    `${DATES.length - 5} sessions are still missing; the next nights go on, or at once: npx afterbell backfill --from ${DATES[1]} --to ${DATES.at(-5)}`,
  );
});

test('an empty lake, or one that begins later, has neither', () => {
  expect(planRefetch(LAST, new Set(), usual)).toEqual({ again: [], gaps: [], notes: [] });
  expect(planRefetch(LAST, new Set([LAST]), usual)).toEqual({ again: [], gaps: [], notes: [] });
  expect(planRefetch(LAST, new Set(DATES), { ...usual, trailing: 0, gapsAtOnce: 0 })).toEqual({
    again: [],
    gaps: [],
    notes: [],
  });
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
          const { again, gaps } = planRefetch(LAST, held, { ...usual, trailing: 5, gapsAtOnce });
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

test.each<[string, string, number[]]>([
  ['the session of its own night', DATES[0]!, [1, 5, 10, 20]],
  ['an older session', DATES[3]!, [5, 10, 20]],
])('%s that stays bad is fetched again after so many sessions', (_what, since, turns) => {
  const bad = DATES[0]!;
  const start = DATES.indexOf(since);
  const held = new Set(DATES.slice(1));
  held.add('2025-09-30');
  const entry = { since, asked: since, runId: 'n1', notifiedBy: 'n1', withheld: true };
  const fetched: number[] = [];
  for (const [place, session] of DATES.entries()) {
    if (place <= start) continue;
    const { gaps, notes } = planRefetch(session, held, { ...usual, backOffs: { [bad]: entry } });
    expect(notes[0]).toContain(gaps.length > 0 ? '1 session is missing' : `${bad} is still withheld, by run n1; `);
    if (gaps.length === 0) continue;
    expect(gaps).toEqual([bad]);
    fetched.push(place - start);
    entry.asked = session;
  }
  expect(fetched).toEqual(turns);
});

test('a served session whose second answer was bad is fetched again after its wait, even outside the window', () => {
  const since = DATES[9]!;
  const backOffs = { [DATES[8]!]: { since, asked: since, runId: 'n1', notifiedBy: 'n1', withheld: true } };
  const again = (place: number) => planRefetch(DATES[place]!, new Set(DATES), { ...usual, backOffs }).again;
  expect(again(9)).toContain(DATES[8]);
  for (const place of [10, 11, 12, 13]) expect(again(place)).not.toContain(DATES[8]);
  expect(again(14)).toContain(DATES[8]);
  expect(again(14)).toHaveLength(6);
});
