import { expect, test } from 'vitest';
import { hasError, type Reason, readReasons, reasonLines, storedReasons } from '../../src/records/reason.ts';
import { short } from '../../src/text.ts';

const of = (session: string, text: string): Reason => ({ session, text: `${session}: ${text}` });

test('reasons of one task become a line a session, in their order', () => {
  const reasons = [
    of('2025-11-18', 'few rows'),
    of('2025-11-19', '31 rows, usually 62'),
    of('2025-11-19', '31 of 62 are gone; by name: A, B'),
  ];
  expect(reasonLines(reasons)).toEqual([
    '2025-11-18: few rows',
    '2025-11-19: 31 rows, usually 62; 31 of 62 are gone; by name: A, B',
  ]);
  expect(reasonLines([{ text: 'Vendor.AuthFailed: refused; found 401' }])).toEqual([
    'Vendor.AuthFailed: refused; found 401',
  ]);
});

test('a date that a reason mentions begins no line', () => {
  const text = 'the vendor answered of another day; 2025-11-18: 31 rows';
  expect(reasonLines([of('2025-11-19', text)])).toEqual([`2025-11-19: ${text}`]);
});

test('a long line is cut after a word', () => {
  expect(short('one two three', 13)).toBe('one two three');
  expect(short('one two three', 12)).toBe('one two…');
  expect(short('x'.repeat(20), 10)).toBe(`${'x'.repeat(9)}…`);
  const [line = ''] = reasonLines([of('2025-11-19', 'word '.repeat(300))]);
  expect(line).toMatch(/ word…$/);
  expect(line.length).toBeLessThanOrEqual(110);
});

test('reasons are read as they were stored', () => {
  const reasons = [{ dataset: 'prices', session: '2025-11-19', error: 'Lake.Corrupt', text: 'a' }, { text: 'b' }];
  expect(readReasons(storedReasons(reasons))).toEqual(reasons);
  expect(storedReasons([])).toEqual({ reasons: [] });
});

test('only the first words of a reason without details name its error', () => {
  const isDamaged = (text: string) => hasError(readReasons({ reasons: [text] }), 'Lake.Corrupt');
  expect(isDamaged('prices: 2025-11-19: Lake.Corrupt: x is damaged')).toBe(true);
  expect(isDamaged('Publish Session: Lake.Corrupt: x is damaged')).toBe(true);
  expect(isDamaged('prices: the proxy answered "Lake.Corrupt"')).toBe(false);
});
