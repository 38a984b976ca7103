import { describe, expect, test } from 'vitest';
import { bindSql, type SqlParameter } from '../../../src/local/aws/data-api.ts';

const string = (name: string, stringValue: string, typeHint?: SqlParameter['typeHint']): SqlParameter => ({
  name,
  value: { stringValue },
  typeHint,
});

describe('bindSql', () => {
  test('a name used twice is sent once, and names nobody uses are not sent', () => {
    const bound = bindSql('select :b, :a, :b', [string('a', '1'), string('b', '2'), string('c', '3')]);
    expect(bound.text).toBe('select ($1::text), ($2::text), ($1::text)');
    expect(bound.values).toEqual(['2', '1']);
  });

  test('a value carries the type of its kind or hint', () => {
    const bound = bindSql('select :l, :d, :b, :j, :n, :nd', [
      { name: 'l', value: { longValue: 1 } },
      { name: 'd', value: { doubleValue: 'NaN' } },
      { name: 'b', value: { booleanValue: true } },
      string('j', '{}', 'JSON'),
      { name: 'n', value: { isNull: true } },
      { name: 'nd', value: { isNull: true }, typeHint: 'DATE' },
    ]);
    expect(bound.text).toBe('select ($1::int8), ($2::float8), ($3::bool), ($4::jsonb), $5, ($6::date)');
    expect(bound.values).toEqual(['1', 'NaN', 'true', '{}', null, null]);
  });

  test.each([
    ['an array', { name: 'a', value: { arrayValue: { longValues: [1] } } }, 'Array parameters are not supported.'],
    ['no value', { name: 'a', value: {} }, 'needs exactly one value'],
    ['two values', { name: 'a', value: { longValue: 1, isNull: true } }, 'needs exactly one value'],
    ['isNull false', { name: 'a', value: { isNull: false } }, 'isNull must be true'],
    [
      'a hint on a number',
      { name: 'a', value: { longValue: 1 }, typeHint: 'DECIMAL' as const },
      'goes with a stringValue',
    ],
    [
      'an ISO instant as TIMESTAMP',
      string('a', '2025-11-19T21:00:00Z', 'TIMESTAMP'),
      'TIMESTAMP wants YYYY-MM-DD HH:MM:SS',
    ],
    ['an instant as DATE', string('a', '2025-11-19 21:00:00', 'DATE'), 'DATE wants YYYY-MM-DD'],
  ])('%s is refused', (_what, parameter, message) => {
    expect(() => bindSql('select :a', [parameter])).toThrow(message);
  });

  test('the same parameter twice is refused', () => {
    expect(() => bindSql('select :a', [string('a', '1'), string('a', '2')])).toThrow('given twice');
  });
});
