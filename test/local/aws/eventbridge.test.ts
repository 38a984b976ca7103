import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type EventPattern, matches } from '../../../src/local/aws/eventbridge.ts';

const event = {
  source: 'afterbell',
  'detail-type': 'Night Completed',
  detail: {
    status: 'Succeeded',
    stage: 'dev',
    rows: 5400,
    nothing: null,
    tags: ['a', 'b'],
    inner: { error: 'Night.Held' },
  },
};

const table: [string, EventPattern, boolean][] = [
  ['exact values', { source: ['afterbell'], 'detail-type': ['Night Completed'] }, true],
  ['one of several values', { detail: { status: ['Partial', 'Succeeded'] } }, true],
  ['another value', { detail: { status: ['Failed'] } }, false],
  ['one field of two wrong', { source: ['afterbell'], detail: { stage: ['prod'] } }, false],
  ['a missing field', { detail: { nobody: ['x'] } }, false],
  ['null', { detail: { nothing: [null] } }, true],
  ['a number', { detail: { rows: [5400] } }, true],
  ['a number as text', { detail: { rows: ['5400'] } }, false],
  ['an element of an array', { detail: { tags: ['b', 'c'] } }, true],
  ['no element of an array', { detail: { tags: ['c'] } }, false],
  ['prefix', { detail: { inner: { error: [{ prefix: 'Night.' }] } } }, true],
  ['another prefix', { detail: { inner: { error: [{ prefix: 'Vendor.' }] } } }, false],
  ['suffix', { source: [{ suffix: 'bell' }] }, true],
  ['equals-ignore-case', { source: [{ 'equals-ignore-case': 'AFTERBELL' }] }, true],
  ['anything-but a value', { detail: { status: [{ 'anything-but': 'Failed' }] } }, true],
  ['anything-but the value', { detail: { status: [{ 'anything-but': ['Failed', 'Succeeded'] }] } }, false],
  ['anything-but a prefix', { detail: { inner: { error: [{ 'anything-but': { prefix: 'Night.' } }] } } }, false],
  [
    'anything-but another prefix',
    { detail: { inner: { error: [{ 'anything-but': { prefix: ['A.', 'B.'] } }] } } },
    true,
  ],
  ['anything-but on a missing field', { detail: { nobody: [{ 'anything-but': 'x' }] } }, false],
  ['exists', { detail: { status: [{ exists: true }] } }, true],
  ['exists of null', { detail: { nothing: [{ exists: true }] } }, true],
  ['exists of a missing field', { detail: { nobody: [{ exists: true }] } }, false],
  ['exists false of a missing field', { detail: { nobody: [{ exists: false }] } }, true],
  ['exists false or a value', { detail: { status: [{ exists: false }, 'Succeeded'] } }, true],
  ['exists false below a missing object', { detail: { nobody: { x: [{ exists: false }] } } }, true],
  ['numeric within', { detail: { rows: [{ numeric: ['>', 0, '<=', 5400] }] } }, true],
  ['numeric outside', { detail: { rows: [{ numeric: ['<', 5400] }] } }, false],
  ['$or', { $or: [{ source: ['other'] }, { detail: { stage: ['dev'] } }] }, true],
];

describe('matches', () => {
  test.each(table)('%s', (_what, pattern, expected) => {
    expect(matches(pattern, event)).toBe(expected);
  });

  test.each([
    [{ source: [{ wildcard: 'a*' }] }],
    [{ source: [] }],
    [{}],
    [{ source: [{ numeric: ['~', 1] }] }],
    [{ source: [{ prefix: 'a', suffix: 'b' }] }],
    [{ source: 'afterbell' as never }],
  ])('the unknown pattern %j is refused by name and place', (pattern) => {
    expect(() => matches(pattern as EventPattern, event)).toThrow(/The event pattern cannot be matched at pattern/);
  });

  test('a scalar matches a list exactly when anything-but the list does not', () => {
    const scalar = fc.oneof(fc.string(), fc.integer(), fc.boolean(), fc.constant(null));
    fc.assert(
      fc.property(scalar, fc.array(scalar, { minLength: 1 }), (value, list) => {
        const butThose = matches({ f: [{ 'anything-but': list }] }, { f: value });
        expect(butThose).toBe(!matches({ f: list }, { f: value }));
      }),
    );
  });
});
