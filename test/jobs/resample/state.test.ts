import fc from 'fast-check';
import { expect, test } from 'vitest';
import { differingDates, hasSession, sessionText } from '../../../src/jobs/resample/lake-state.ts';

const DATES = Array.from({ length: 20 }, (_, day) => `2025-03-${String(day + 1).padStart(2, '0')}`);
const some = fc
  .array(fc.option(fc.constantFrom('a', 'b', 'ab', 'ba', 'a+1'), { freq: 4 }), { minLength: 20, maxLength: 20 })
  .map((tokens) => new Map(DATES.flatMap((date, at) => (tokens[at] == null ? [] : [[date, tokens[at]!] as const]))));

test('dates that differ are those a comparison one by one finds', () => {
  fc.assert(
    fc.property(some, some, (before, now) => {
      const wanted = DATES.filter((date) => before.get(date) !== now.get(date));
      expect(differingDates(sessionText(before), sessionText(now)).sort()).toEqual(wanted);
    }),
    { numRuns: 2000 },
  );
});

test('a few changes among many find the same dates', () => {
  fc.assert(
    fc.property(fc.subarray(DATES, { maxLength: 3 }), fc.subarray(DATES, { maxLength: 2 }), (changed, gone) => {
      const before = new Map(DATES.map((date) => [date, 'token']));
      const now = new Map([...before].filter(([date]) => !gone.includes(date)));
      for (const date of changed) if (now.has(date)) now.set(date, 'tokenx');
      const wanted = DATES.filter((date) => before.get(date) !== now.get(date));
      expect(differingDates(sessionText(before), sessionText(now)).sort()).toEqual(wanted);
    }),
  );
});

test('a text has the sessions it was made of and no other', () => {
  const text = sessionText(new Map([['2025-03-04', 'a 2025-03-05 ']]));
  expect(hasSession(text, '2025-03-04')).toBe(true);
  expect(hasSession(text, '2025-03-05')).toBe(false);
});
