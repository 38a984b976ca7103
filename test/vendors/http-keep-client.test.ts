import { expect, test } from 'vitest';
import { loadConfig } from '../../src/config.ts';
import { alpacaOf } from '../../src/vendors/alpaca.ts';
import { fmpOf } from '../../src/vendors/fmp.ts';
import { isharesOf } from '../../src/vendors/ishares.ts';
import { polygonOf } from '../../src/vendors/polygon.ts';

const config = loadConfig({ INDEX_MEMBERS_URI: 'https://example.test/members.csv' });
const alpaca = { keyId: 'id', secretKey: 'a' };

test.each([
  ['Polygon', (key: string) => polygonOf(config, { apiKey: key })],
  ['FMP', (key: string) => fmpOf(config, { apiKey: key })],
  ['Alpaca', (key: string) => alpacaOf(config, { ...alpaca, secretKey: key })],
])('%s has one client a process until its key is replaced', (_vendor, open) => {
  const first = open('a');
  expect(open('a')).toBe(first);
  const next = open('b');
  expect(next).not.toBe(first);
  expect(open('b')).toBe(next);
});

test('the holdings file has one client for each place', () => {
  const first = isharesOf(config);
  expect(isharesOf(config)).toBe(first);
  expect(isharesOf(loadConfig({ INDEX_MEMBERS_URI: '/other.csv' }))).not.toBe(first);
});

test('a key that is missing is said at every call', () => {
  expect(() => polygonOf(config, undefined)).toThrow(/POLYGON_API_KEY/);
  expect(() => polygonOf(config, undefined)).toThrow(/POLYGON_API_KEY/);
});
