import { expect, test } from 'vitest';
import { ERROR_NAMES, errorName, isNamed, NamedError } from '../src/errors.ts';

test('a message says what, found, wanted and what to do, as far as given', () => {
  const text = { what: 'the key was refused', found: '401', wanted: 'a valid key', todo: 'Set POLYGON_API_KEY.' };
  expect(new NamedError('Vendor.AuthFailed', text).message).toBe(
    'the key was refused; found 401; wanted a valid key. Set POLYGON_API_KEY.',
  );
  expect(new NamedError('Vendor.AuthFailed', { what: 'refused' }).message).toBe('refused');
  expect(new NamedError('Vendor.AuthFailed', 'plain').message).toBe('plain');
});

test('its name, cause and the wish of the vendor are kept', () => {
  const cause = new Error('socket');
  const error = new NamedError('Vendor.RateLimited', 'slow', { cause, retryAfterSeconds: 7 });
  expect(error).toMatchObject({ name: 'Vendor.RateLimited', cause, retryAfterSeconds: 7 });
  expect(error).toBeInstanceOf(Error);
  expect(String(error)).toBe('Vendor.RateLimited: slow');
});

test('names are told apart, also of errors that are not ours', () => {
  expect(isNamed(new NamedError('Lake.Corrupt', 'x'), 'Lake.Conflict', 'Lake.Corrupt')).toBe(true);
  expect(isNamed(new NamedError('Lake.Corrupt', 'x'), 'Lake.Conflict')).toBe(false);
  expect(isNamed('Lake.Corrupt', 'Lake.Corrupt')).toBe(false);
  expect(errorName(new TypeError('x'))).toBe('TypeError');
  expect(errorName('text')).toBe('Error');
});

test('every name is a family and a word, once', () => {
  for (const name of ERROR_NAMES) expect(name).toMatch(/^[A-Z][a-z]+\.[A-Z][A-Za-z]+$/);
  expect(new Set(ERROR_NAMES).size).toBe(ERROR_NAMES.length);
});
