import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  lastClosedSession,
  nextSession,
  previousSession,
  sessionAt,
  sessionHours,
  sessionNumber,
} from '../../src/calendar/calendar.ts';

test.each([
  ['1990-01-02', '1990-01-02T14:30:00Z', '1990-01-02T21:00:00Z', false],
  ['2026-03-06', '2026-03-06T14:30:00Z', '2026-03-06T21:00:00Z', false],
  ['2026-03-09', '2026-03-09T13:30:00Z', '2026-03-09T20:00:00Z', false],
  ['2026-10-30', '2026-10-30T13:30:00Z', '2026-10-30T20:00:00Z', false],
  ['2026-11-02', '2026-11-02T14:30:00Z', '2026-11-02T21:00:00Z', false],
  ['2026-11-27', '2026-11-27T14:30:00Z', '2026-11-27T18:00:00Z', true],
  ['2028-07-03', '2028-07-03T13:30:00Z', '2028-07-03T17:00:00Z', true],
  ['1992-12-24', '1992-12-24T14:30:00Z', '1992-12-24T19:00:00Z', true],
])('%s trades from %s to %s', (date, open, close, early) => {
  expect(sessionHours(date)).toEqual({ open, close, early });
});

test.each([
  ['the last 10:00 opening', '1985-09-26', '1985-09-26T14:00:00Z', '1985-09-26T20:00:00Z', false],
  ['the first 09:30 opening', '1985-09-30', '1985-09-30T13:30:00Z', '1985-09-30T20:00:00Z', false],
  ['the last 15:30 close', '1974-09-30', '1974-09-30T14:00:00Z', '1974-09-30T19:30:00Z', false],
  ['the first 16:00 close', '1974-10-01', '1974-10-01T14:00:00Z', '1974-10-01T20:00:00Z', false],
  ['summer time in the January of 1974', '1974-01-07', '1974-01-07T14:00:00Z', '1974-01-07T19:30:00Z', false],
  ['the Kennedy assassination', '1963-11-22', '1963-11-22T15:00:00Z', '1963-11-22T19:07:00Z', true],
  ['the paperwork crisis', '1969-08-01', '1969-08-01T14:00:00Z', '1969-08-01T18:30:00Z', true],
  ['the weeks after October 1987', '1987-10-30', '1987-10-30T14:30:00Z', '1987-10-30T19:00:00Z', true],
])('%s has its hours', (_, date, open, close, early) => {
  expect(sessionHours(date)).toEqual({ open, close, early });
});

const closing = (session: string) => Date.parse(sessionHours(session).close);

function expectClosesAtItsInstant(session: string) {
  const close = closing(session);
  expect(lastClosedSession(new Date(close))).toBe(session);
  expect(lastClosedSession(new Date(close - 1))).toBe(previousSession(session));
  expect(lastClosedSession(new Date(closing(nextSession(session)) - 1))).toBe(session);
}

test('a session is the last closed one from its closing instant to the next one’s', () => {
  const number = fc.integer({ min: sessionNumber('1962-01-03'), max: sessionNumber('2050-12-28') });
  fc.assert(fc.property(number, (n) => expectClosesAtItsInstant(sessionAt(n))));
});

test('the same holds beside both clock changes, short days, holidays and odd closures', () => {
  for (const session of [
    ...['2026-03-06', '2026-03-09', '2026-10-30', '2026-11-02', '2026-11-25', '2026-11-27', '2026-12-24'],
    ...['2001-09-10', '2001-09-17', '2012-10-26', '2012-10-31', '2025-01-08', '1974-01-04', '1974-01-07'],
  ]) {
    expectClosesAtItsInstant(session);
  }
});

test('a night at 04:00 in New York sees the session before it, also over weekends, holidays and clock changes', () => {
  const seen = ['2026-03-08T08:00:00Z', '2026-03-10T08:00:00Z', '2026-11-01T09:00:00Z', '2026-07-04T08:00:00Z'];
  expect(seen.map((at) => lastClosedSession(new Date(at)))).toEqual([
    ...['2026-03-06', '2026-03-09', '2026-10-30', '2026-07-02'],
  ]);
});
