import { expect, test } from 'vitest';
import { boundedCopy, PAYLOAD_LIMIT, requireBounded } from '../../../src/local/states/template.ts';

test('the limit is 262,144 bytes of JSON in UTF-8', () => {
  const fits = '€'.repeat((PAYLOAD_LIMIT - 4) / 3) + 'xx';
  expect(Buffer.byteLength(JSON.stringify(fits))).toBe(PAYLOAD_LIMIT);
  expect(() => requireBounded(fits, 'This')).not.toThrow();
  expect(() => requireBounded(`${fits}x`, 'This')).toThrow(/This has a size exceeding .* 262145 bytes/);
});

test('a bounded copy is plain JSON and shares nothing', () => {
  const inner = { list: [1, undefined] };
  const copy = boundedCopy({ inner, gone: undefined, at: new Date(0) }, 'This');
  expect(copy).toEqual({ inner: { list: [1, null] }, at: '1970-01-01T00:00:00.000Z' });
  inner.list.push(2);
  expect(copy).toMatchObject({ inner: { list: [1, null] } });
  expect(boundedCopy(undefined, 'This')).toBeNull();
});
