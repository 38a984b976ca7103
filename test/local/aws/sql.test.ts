import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseSql } from '../../../src/local/aws/sql.ts';

describe('parseSql', () => {
  test.each([
    ['select :a, :b_2', ['a', 'b_2']],
    ["select ':a', ''':b', \":c\", E'\\':d', :e", ['e']],
    ['select 1 -- :a\n, :b /* :c /* :d */ :e */ , :f', ['b', 'f']],
    ['select :a::jsonb, x::date', ['a']],
    ['do $$ begin x := :y; end $$', []],
    ['select $tag$ :a $$ :b $tag$, :c', ['c']],
    ['select a$b$ from t where c$b$ = :d', ['d']],
    ["select type'x', :a", ['a']],
    ["select 'unfinished :a", ['a']],
    ['select :rows, :rows', ['rows', 'rows']],
  ])('%s names %j', (sql, names) => {
    expect(parseSql(sql).names).toEqual(names);
  });

  test.each([
    ['', 0, ''],
    [' ; -- nothing', 0, ''],
    ['SELECT 1', 1, 'select'],
    ['/* why */ (select 1);', 1, 'select'],
    ["insert into t values (';')", 1, 'insert'],
    ['select 1; select 2', 2, 'select'],
    ['create function f() returns int as $$ select 1; select 2; $$ language sql', 1, 'create'],
  ])('%s counts %i statements and begins with "%s"', (sql, statements, keyword) => {
    expect(parseSql(sql)).toMatchObject({ statements, keyword });
  });

  test('the pieces and names put together again are the statement', () => {
    const word = fc.constantFrom(
      'select',
      ':a',
      ':b::date',
      "'it''s :x'",
      '"q:q"',
      '-- c :y\n',
      '/* :z */',
      '$$ :w $$',
      ';',
      ',',
      '1',
    );
    fc.assert(
      fc.property(fc.array(word), fc.string(), (words, noise) => {
        const sql = `${words.join(' ')}${noise}`;
        const { pieces, names } = parseSql(sql);
        expect(pieces.map((piece, i) => piece + (i < names.length ? `:${names[i]}` : '')).join('')).toBe(sql);
      }),
    );
  });
});
