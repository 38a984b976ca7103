import { expect, test } from 'vitest';
import { reasonLines, short } from '../src/text.ts';

test('reasons of one cell become a line a session, in their order', () => {
  const cell = '2025-11-18: few rows; 2025-11-19: 31 rows, usual are 62; 2025-11-19: 31 of 62 are gone; by name: A, B';
  expect(reasonLines(cell)).toEqual([
    '2025-11-18: few rows',
    '2025-11-19: 31 rows, usual are 62; 31 of 62 are gone; by name: A, B',
  ]);
  expect(reasonLines('Vendor.AuthFailed: refused; found 401')).toEqual(['Vendor.AuthFailed: refused; found 401']);
});

test('a long line is cut after a word', () => {
  expect(short('one two three', 13)).toBe('one two three');
  expect(short('one two three', 12)).toBe('one two…');
  expect(short('x'.repeat(20), 10)).toBe(`${'x'.repeat(9)}…`);
  const [line = ''] = reasonLines(`2025-11-19: ${'word '.repeat(300)}`);
  expect(line).toMatch(/ word…$/);
  expect(line.length).toBeLessThanOrEqual(110);
});
