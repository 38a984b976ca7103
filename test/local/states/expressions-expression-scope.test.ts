import { describe, expect, test } from 'vitest';
import { compileExpression } from '../../../src/local/states/expressions.ts';

const reads = (source: string): string[] => [...compileExpression(source).expression!.reads].sort();

describe('variables an expression reads', () => {
  test.each([
    ['$a + $b.c[$d = 1]', ['a', 'b', 'd']],
    ['($a := 1; $a + $b)', ['b']],
    ['($a := $a + 1; $a)', ['a']],
    ['(($a := 1); $a)', ['a']],
    ['$map($list, function($v, $i) { $v & $i & $suffix })', ['list', 'suffix']],
    ['($f := function($n) { $n < 1 ? 0 : $f($n - 1) }; $f($k))', ['k']],
    ['$list@$row.items[$row.id = id]#$i.{"n": $i}', ['list']],
    ['$list^(>price, $rank).name', ['list', 'rank']],
    ['$list{name: $sum(price) * $factor}', ['factor', 'list']],
    ['$doc ~> |rows|{"by": $who}, $gone|', ['doc', 'gone', 'who']],
    ['$x ~> $uppercase() ~> $pad($width)', ['width', 'x']],
    ['$not($exists($x)) ? -$y : [$from..$to]', ['from', 'to', 'x', 'y']],
    ['$reduce($list, $plus(?, 1))', ['list', 'plus']],
    ['$states.input.a', []],
    ['$uuid() & $hash("a", "MD5") & $now()', []],
  ])('%s', (source, names) => {
    expect(compileExpression(source).problems).toEqual([]);
    expect(reads(source)).toEqual(names);
  });
});

describe('what Step Functions refuses in an expression', () => {
  test.each([
    ['phone.number', /a reference to 'phone' at the top level/],
    ['$map([1], function($v) { $v & phone })', /'phone' at the top level/],
    ['$', /'\$' at the top level/],
    ['$$.a', /'\$\$'/],
    ['**.a', /at the top level/],
    ['$eval("1+1")', /\$eval.*\$parse/],
    ['($states := 1; $states)', /\$states is assigned/],
    ['1 +', /JSONata does not parse \(S0207/],
    ['$x[1', /JSONata does not parse/],
  ])('%s', (source, problem) => {
    expect(compileExpression(source).problems.join('\n')).toMatch(problem);
  });

  test.each([
    '$states.input[price > 1]',
    '$states.input.($.a + a)',
    '$x.*',
    '$x.{"k": name}',
    '$states.input ~> |a|{"b": c}|',
  ])('names inside a path are fine: %s', (source) => {
    expect(compileExpression(source).problems).toEqual([]);
  });
});

test('members of $states are found as far as they are named', () => {
  const members = (source: string): unknown => compileExpression(source).expression?.members;
  expect(members('$states.context.Map.Item.Value.a & $states.result[0].b')).toEqual([
    ['context', 'Map', 'Item', 'Value', 'a'],
    ['result', 'b'],
  ]);
});
