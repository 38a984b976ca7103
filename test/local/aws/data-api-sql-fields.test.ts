import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { arrayElements, fieldJson, plainJson } from '../../../src/local/aws/data-api.ts';

describe('a result value', () => {
  test.each([
    [20, '9223372036854775807', '{"longValue":9223372036854775807}', '9223372036854775807'],
    [701, 'NaN', '{"doubleValue":"NaN"}', '"NaN"'],
    [701, '1e+20', '{"doubleValue":100000000000000000000}', '100000000000000000000'],
    [1700, '1.50', '{"stringValue":"1.50"}', '"1.50"'],
    [1184, '2025-11-19 21:00:00.5+00', '{"stringValue":"2025-11-19 21:00:00.5"}', '"2025-11-19 21:00:00.5"'],
    [3802, '{"a": "\\n"}', '{"stringValue":"{\\"a\\": \\"\\\\n\\"}"}', '"{\\"a\\": \\"\\\\n\\"}"'],
    [1016, '{1,NULL}', '{"arrayValue":{"longValues":[1,null]}}', '[1,null]'],
    [1009, '{}', '{"arrayValue":{"stringValues":[]}}', '[]'],
    [99_999, 'an enum', '{"stringValue":"an enum"}', '"an enum"'],
  ])('of oid %i and text %s is %s in records', (oid, text, field, plain) => {
    expect(fieldJson(oid, text, {})).toBe(field);
    expect(plainJson(oid, text, {})).toBe(plain);
  });

  test('a multidimensional array is refused', () => {
    expect(() => fieldJson(1007, '{{1},{2}}', {})).toThrow('multidimensional');
  });

  test('array elements come back as PostgreSQL quoted them', () => {
    const quoted = (text: string | null) =>
      text === null ? 'NULL' : `"${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;
    fc.assert(
      fc.property(fc.array(fc.option(fc.string())), (elements) => {
        expect(arrayElements(`{${elements.map(quoted).join(',')}}`)).toEqual(elements);
      }),
    );
  });
});
