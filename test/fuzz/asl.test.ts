import { readdirSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import { expect } from 'vitest';
import { compilePattern } from '../../src/local/aws/eventbridge.ts';
import { allStates } from '../../src/local/states/check-graph.ts';
import { compileExpression, evaluateExpression } from '../../src/local/states/expressions.ts';
import { StateFailure } from '../../src/local/states/failure.ts';
import { loadMachine } from '../../src/local/states/load.ts';
import type { Machine } from '../../src/local/states/machine.ts';
import { placeholdersIn, renderTemplate } from '../../src/local/states/template.ts';
import { jsonFrom } from '../../src/text.ts';
import { door, jsonLike, textLike } from './door.ts';

const folder = new URL('../../state-machines/', import.meta.url);
const real = readdirSync(folder)
  .filter((file) => file.endsWith('.asl.json'))
  .map((file) => JSON.parse(readFileSync(new URL(file, folder), 'utf8')) as unknown);
const cases = new URL('../conformance/', import.meta.url);
const small = readdirSync(cases)
  .filter((file) => file.endsWith('.json'))
  .map((file) => (JSON.parse(readFileSync(new URL(file, cases), 'utf8')) as { machine?: unknown }).machine)
  .filter((machine) => machine !== undefined);

function load(text: string): Machine {
  const values = Object.fromEntries(placeholdersIn(text).map((name) => [name, `a-${name}`]));
  return loadMachine(jsonFrom(renderTemplate(text, values)));
}

const BINDINGS = {
  states: {
    input: { run: 'r', list: [1, 2, 3], text: 'abc', flag: true, nothing: null, deep: { a: { b: [{ c: 1 }] } } },
    result: { Payload: { waitSeconds: 1 } },
    errorOutput: { Error: 'E', Cause: '{"a":1}' },
    context: { Execution: { Id: 'i', Name: 'n', Input: {}, StartTime: '2025-11-19T09:00:00Z' }, State: { Name: 's' } },
  },
  run: { session: '2025-11-19' },
  list: [{ a: 1 }, { a: 2 }],
};

/** Every expression of a machine that was let in gives a value, or an error by its name. */
async function evaluateAll(machine: Machine): Promise<void> {
  for (const state of allStates(machine.root))
    for (const { expression } of state.uses)
      await evaluateExpression(expression, 'The expression', BINDINGS).catch((error: unknown) => {
        if (!(error instanceof StateFailure)) throw error;
      });
}

door('state machines, ours', {
  inputs: jsonLike(real),
  enter: (text) => evaluateAll(load(text)),
  slower: 3,
});

door('state machines, small ones', {
  inputs: jsonLike(small),
  enter: (text) => evaluateAll(load(text)),
  kept: {
    'a list nested a hundred thousand deep': () =>
      JSON.stringify(small[0]).replace('"StartAt"', `"Comment":${'['.repeat(100_000)}${']'.repeat(100_000)},"StartAt"`),
  },
});

const EXPRESSIONS = [
  ...[
    '$states.input.list[$ > 1]',
    '$sum($states.input.list) & "x"',
    '$map(list, function($v) { $v.a + 1 })',
    '-1',
    '""',
  ],
  ...['$merge([$states.input, {"a": run.session}])', '$exists(run.x) ? 1 : [1..5]', '$parse("[1,2]")[0]', '$uuid()'],
  ...['$hash("a", "SHA-256")', '$range(0, 10, 2)', '$partition([1..9], 4)', '($x := 2; $x * $random(1))', '$now()'],
  ...[
    '$states.input.deep.**.c',
    '$sort(list, function($l, $r) { $l.a < $r.a })',
    'list{a: $count(a)}',
    '$substring("abc", 1)',
  ],
  ...[
    '$lookup(run, "session")',
    '$states.input ~> |deep|{"x": 1}|',
    '$toMillis("2025-11-19T00:00:00Z")',
    '$not(a in b)',
  ],
];
door('expressions', {
  inputs: textLike(EXPRESSIONS),
  enter: async (source) => {
    const { expression, problems } = compileExpression(source);
    if (!expression) return expect(problems.length).toBeGreaterThan(0);
    const value = await evaluateExpression(expression, 'The expression', BINDINGS);
    expect(JSON.stringify(value)).toBeTypeOf('string');
  },
  kept: {
    'fifty thousand brackets': () => `${'('.repeat(50_000)}1${')'.repeat(50_000)}`,
    'fifty thousand sums': () => `1${'+1'.repeat(50_000)}`,
    'a range of a thousand million': () => '$range(1, 1000000000, 1)',
  },
});

const rules = JSON.parse(readFileSync(new URL('rules.json', folder), 'utf8')) as Record<string, unknown>;
const event = { source: 'afterbell', 'detail-type': 'Night Completed', detail: { status: 'Succeeded', rows: 5 } };
door('event patterns', {
  inputs: fc.oneof(
    jsonLike([
      ...Object.values(rules),
      { detail: { rows: [{ numeric: ['>', 1, '<=', 5] }], status: [{ 'anything-but': { prefix: ['F', 'H'] } }] } },
      { $or: [{ source: [{ exists: true }] }, { source: [{ 'equals-ignore-case': 'A' }, { suffix: 'x' }] }] },
    ]),
  ),
  enter: (text) => {
    let pattern: unknown;
    try {
      pattern = jsonFrom(text);
    } catch {
      return;
    }
    expect(compilePattern(pattern as never)(event)).toBeTypeOf('boolean');
  },
  kept: {
    'a pattern of nothing': () => 'null',
    'a sign that is an object without a text': () => '{"n":[{"numeric":[{"toString":1},1]}]}',
    'a choice of nothing': () => '{"$or":[null,null]}',
  },
});
