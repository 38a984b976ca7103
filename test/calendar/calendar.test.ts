import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { sessionAt, sessionHours, sessionNumber, sessionsBetween } from '../../src/calendar/calendar.ts';

const ANSWERS = fileURLToPath(new URL('../../../shared/data/nyse-sessions-1990-2023.csv', import.meta.url));

test('every session of the answers file has its place and instants here, and no other day is one', () => {
  if (!existsSync(ANSWERS)) {
    console.warn('SKIPPED: the NYSE answers file (shared/data/nyse-sessions-1990-2023.csv) is not here');
    return;
  }
  const [header, ...rows] = readFileSync(ANSWERS, 'utf8').trim().split(/\r?\n/);
  expect(header).toBe('session,open_utc,close_utc');
  expect(rows.length).toBe(8324);
  const ours = sessionsBetween('1990-01-01', '2023-01-13').map((session) => {
    const { open, close } = sessionHours(session);
    return `${session},${open},${close}`;
  });
  expect(ours).toEqual(rows);
  rows.forEach((row, number) => {
    const session = row.slice(0, 10);
    if (sessionNumber(session) !== number || sessionAt(number) !== session) expect.fail(row);
  });
});
