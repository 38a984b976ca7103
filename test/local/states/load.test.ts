import { describe, expect, test } from 'vitest';
import { loadMachine } from '../../../src/local/states/load.ts';

const LAMBDA = 'arn:aws:states:::lambda:invoke';
const pass = { Type: 'Pass', End: true };
const task = (rest: object = {}): object => ({
  Type: 'Task',
  Resource: LAMBDA,
  Arguments: { FunctionName: 'f' },
  ...rest,
});
const map = (states: object, rest: object = {}): object => ({
  Type: 'Map',
  Items: [1],
  ItemProcessor: { ProcessorConfig: { Mode: 'INLINE' }, StartAt: Object.keys(states)[0], States: states },
  ...rest,
});
const machine = (states: object, rest: object = {}): object => ({
  QueryLanguage: 'JSONata',
  StartAt: Object.keys(states)[0],
  States: states,
  ...rest,
});

/** The problem lines of a refusal, or [] when the machine loads. */
function problemsOf(definition: unknown): string[] {
  try {
    loadMachine(definition);
    return [];
  } catch (error) {
    expect((error as Error).name).toBe('Config.Invalid');
    return (error as Error).message
      .split('\n')
      .slice(1)
      .map((line) => line.trim());
  }
}

describe('a machine that loads', () => {
  test('tells its name, its resources and its time limit', () => {
    const states = {
      M: map({ A: task({ Next: 'B' }), B: pass }, { Next: 'N' }),
      N: task({ Resource: 'arn:aws:states:::sns:publish', Arguments: { TopicArn: 't', Message: 'm' }, End: true }),
    };
    const loaded = loadMachine(machine(states, { Comment: 'c', TimeoutSeconds: 60, Version: '1.0' }), {
      name: 'nightly',
    });
    expect(loaded).toMatchObject({ name: 'nightly', comment: 'c', timeoutSeconds: 60 });
    expect(loaded.resources).toEqual([LAMBDA, 'arn:aws:states:::sns:publish']);
  });

  test('QueryLanguage JSONata may be repeated in a state', () => {
    expect(problemsOf(machine({ A: { ...pass, QueryLanguage: 'JSONata' } }))).toEqual([]);
  });
});

describe('one refusal names every problem with its place', () => {
  test('also deep inside a Map', () => {
    const inner = { Pace: { Type: 'Wait', Seconds: '12', Next: 'Gone' }, Done: { Type: 'Succeed', Result: 1 } };
    const states = { 'Sync Reference': map(inner, { End: true }), Lost: { Type: 'Sleep', End: true } };
    expect(problemsOf(machine(states)).map((line) => line.split(': ')[0])).toEqual([
      'States.Sync Reference.ItemProcessor.States.Pace.Seconds',
      'States.Sync Reference.ItemProcessor.States.Done.Result',
      'States.Lost.Type',
      'States.Sync Reference.ItemProcessor.States.Pace.Next',
      'States.Sync Reference.ItemProcessor.States.Done',
    ]);
  });

  test.each<[string, unknown, RegExp]>([
    ['no object', [], /^\(top level\): wanted a JSON object/],
    ['JSONPath', { StartAt: 'A', States: { A: pass } }, /^QueryLanguage: must be JSONata/],
    ['an unknown field at the top', machine({ A: pass }, { Timeout: 1 }), /^Timeout: a field the engine does not know/],
    ['another version', machine({ A: pass }, { Version: '2.0' }), /^Version: wanted 1.0/],
    ['no states', machine({}, { StartAt: 'A' }), /^States: wanted at least one state/],
    ['an unknown StartAt', machine({ A: pass }, { StartAt: 'B' }), /^StartAt: there is no state B/],
    [
      'a fractional TimeoutSeconds',
      machine({ A: pass }, { TimeoutSeconds: 1.5 }),
      /^TimeoutSeconds: wanted an integer/,
    ],
    ['a state that is no object', machine({ A: 1 }), /^States.A: wanted a state, found 1/],
    ['a long name', machine({ ['x'.repeat(81)]: pass }), /at most 80 characters/],
    [
      'an unknown field',
      machine({ A: { ...pass, Retry: [] } }),
      /^States.A.Retry: a field the engine does not know; Pass has/,
    ],
    [
      'a JSONPath field',
      machine({ A: { ...pass, ResultPath: '$.x' } }),
      /^States.A.ResultPath: .*JSONPath.*Output and Assign/,
    ],
    [
      'a JSONPath state',
      machine({ A: { ...pass, QueryLanguage: 'JSONPath' } }),
      /^States.A.QueryLanguage: only JSONata/,
    ],
    ['neither Next nor End', machine({ A: { Type: 'Pass' } }), /^States.A: has neither Next nor End/],
    ['both Next and End', machine({ A: { ...pass, Next: 'B' }, B: pass }), /^States.A: has both Next and End/],
    ['End false', machine({ A: { Type: 'Pass', End: false } }), /^States.A.End: wanted true, found false/],
    ['an unreachable state', machine({ A: pass, B: pass }), /^States.B: no state leads here/],
    ['no end', machine({ A: { Type: 'Pass', Next: 'B' }, B: { Type: 'Pass', Next: 'A' } }), /^States: no state ends/],
    [
      'a name used twice',
      machine({ A: map({ A: pass }, { End: true }) }),
      /ItemProcessor.States.A: the name is taken by States.A/,
    ],
    [
      'a target outside',
      machine({ M: map({ A: { Type: 'Pass', Next: 'Z' } }, { Next: 'Z' }), Z: pass }),
      /States.A.Next: there is no state Z here/,
    ],
    [
      'a syntax error',
      machine({ A: { ...pass, Output: { a: '{% 1 + %}' } } }),
      /^States.A.Output.a: JSONata does not parse \(S0207/,
    ],
    ['$eval', machine({ A: { ...pass, Output: '{% $eval("1") %}' } }), /^States.A.Output: \$eval/],
    ['a bare name', machine({ A: { ...pass, Output: '{% payload.x %}' } }), /'payload' at the top level/],
    [
      '$states.result in Arguments',
      machine({ A: task({ Arguments: { FunctionName: '{% $states.result %}' }, End: true }) }),
      /^States.A.Arguments.FunctionName: \$states.result does not exist here/,
    ],
    [
      '$states.result in a Pass',
      machine({ A: { ...pass, Output: '{% $states.result %}' } }),
      /\$states.result does not exist here/,
    ],
    [
      '$states.errorOutput outside a Catch',
      machine({ A: task({ Output: '{% $states.errorOutput %}', End: true }) }),
      /exists only in a Catch/,
    ],
    ['an unknown member of $states', machine({ A: { ...pass, Output: '{% $states.output %}' } }), /found output/],
    [
      'an unknown member of the context',
      machine({ A: { ...pass, Output: '{% $states.context.Task.Token %}' } }),
      /no \$states.context.Task.Token/,
    ],
    [
      'Map.Item outside a Map',
      machine({ A: { ...pass, Output: '{% $states.context.Map.Item.Value %}' } }),
      /exists only in a Map/,
    ],
    [
      'an unknown Resource',
      machine({ A: task({ Resource: 'arn:aws:states:::bacth:submitJob.sync', End: true }) }),
      /^States.A.Resource: wanted .*lambda:invoke/,
    ],
    [
      'an unknown argument',
      machine({ A: task({ Arguments: { FunctionName: 'f', payload: 1 }, End: true }) }),
      /^States.A.Arguments.payload: .*takes FunctionName/,
    ],
    [
      'a missing argument',
      machine({ A: task({ Arguments: { Payload: 1 }, End: true }) }),
      /^States.A.Arguments.FunctionName: is missing/,
    ],
    ['no Arguments', machine({ A: { Type: 'Task', Resource: LAMBDA, End: true } }), /^States.A.Arguments: is missing/],
    [
      'a heartbeat',
      machine({ A: task({ HeartbeatSeconds: 5, End: true }) }),
      /^States.A.HeartbeatSeconds: a field the engine does not know/,
    ],
    [
      'a distributed Map',
      machine({
        M: {
          ...map({ A: pass }, { End: true }),
          ItemProcessor: {
            ProcessorConfig: { Mode: 'DISTRIBUTED', ExecutionType: 'STANDARD' },
            StartAt: 'A',
            States: { A: pass },
          },
        },
      }),
      /^States.M.ItemProcessor.ProcessorConfig: wanted {"Mode": "INLINE"}/,
    ],
    ['an ItemReader', machine({ M: map({ A: pass }, { ItemReader: {}, End: true }) }), /^States.M.ItemReader: a field/],
    [
      'Items that are an object',
      machine({ M: map({ A: pass }, { Items: { a: 1 }, End: true }) }),
      /^States.M.Items: wanted a list or an expression/,
    ],
    ['no Branches', machine({ P: { Type: 'Parallel', Branches: [], End: true } }), /^States.P.Branches: wanted a list/],
    ['no Choices', machine({ C: { Type: 'Choice', Default: 'A' }, A: pass }), /^States.C.Choices: is missing/],
    [
      'a Condition without marks',
      machine({ C: { Type: 'Choice', Choices: [{ Condition: 'true', Next: 'A' }] }, A: pass }),
      /^States.C.Choices\[0\].Condition: wanted/,
    ],
    [
      'an And',
      machine({ C: { Type: 'Choice', Choices: [{ And: [], Condition: '{% true %}', Next: 'A' }] }, A: pass }),
      /^States.C.Choices\[0\].And: a field/,
    ],
    [
      'an unknown Default',
      machine({ C: { Type: 'Choice', Choices: [{ Condition: '{% true %}', Next: 'A' }], Default: 'B' }, A: pass }),
      /^States.C.Default: there is no state B/,
    ],
    [
      'a Wait with two times',
      machine({ W: { Type: 'Wait', Seconds: 1, Timestamp: '2025-11-19T09:00:00Z', End: true } }),
      /^States.W: wanted one of Seconds and Timestamp/,
    ],
    [
      'a Timestamp that is none',
      machine({ W: { Type: 'Wait', Timestamp: '2025-11-19', End: true } }),
      /^States.W.Timestamp: wanted an instant/,
    ],
    [
      'an error list that is none',
      machine({ A: task({ Retry: [{ ErrorEquals: [] }], End: true }) }),
      /^States.A.Retry\[0\].ErrorEquals: wanted a list/,
    ],
    [
      'States.ALL among others',
      machine({ A: task({ Retry: [{ ErrorEquals: ['X', 'States.ALL'] }], End: true }) }),
      /States.ALL must stand alone/,
    ],
    [
      'States.ALL before others',
      machine({
        A: task({
          Catch: [
            { ErrorEquals: ['States.ALL'], Next: 'B' },
            { ErrorEquals: ['X'], Next: 'B' },
          ],
          End: true,
        }),
        B: pass,
      }),
      /^States.A.Catch\[0\].ErrorEquals: States.ALL must come last/,
    ],
    [
      'catching a terminal error',
      machine({ A: task({ Retry: [{ ErrorEquals: ['States.Runtime'] }], End: true }) }),
      /nothing catches it/,
    ],
    [
      'an error AWS does not have',
      machine({ A: task({ Retry: [{ ErrorEquals: ['States.Timeouts'] }], End: true }) }),
      /AWS has no States.Timeouts/,
    ],
    [
      'BackoffRate below 1',
      machine({ A: task({ Retry: [{ ErrorEquals: ['X'], BackoffRate: 0.5 }], End: true }) }),
      /^States.A.Retry\[0\].BackoffRate: wanted a number from 1/,
    ],
    [
      'a fractional interval',
      machine({ A: task({ Retry: [{ ErrorEquals: ['X'], IntervalSeconds: 0.5 }], End: true }) }),
      /Retry\[0\].IntervalSeconds: wanted an integer/,
    ],
    [
      'MaxDelaySeconds not above the interval',
      machine({ A: task({ Retry: [{ ErrorEquals: ['X'], IntervalSeconds: 5, MaxDelaySeconds: 5 }], End: true }) }),
      /MaxDelaySeconds: must be greater/,
    ],
    [
      'another jitter',
      machine({ A: task({ Retry: [{ ErrorEquals: ['X'], JitterStrategy: 'HALF' }], End: true }) }),
      /JitterStrategy: wanted FULL or NONE/,
    ],
    [
      'a misspelt Retry field',
      machine({ A: task({ Retry: [{ ErrorEquals: ['X'], MaxAttemps: 3 }], End: true }) }),
      /^States.A.Retry\[0\].MaxAttemps: a field/,
    ],
    [
      'a Catch without Next',
      machine({ A: task({ Catch: [{ ErrorEquals: ['X'] }], End: true }) }),
      /^States.A.Catch\[0\].Next: is missing/,
    ],
    [
      'a Catch to nowhere',
      machine({ A: task({ Catch: [{ ErrorEquals: ['X'], Next: 'Z' }], End: true }) }),
      /^States.A.Catch\[0\].Next: there is no state Z/,
    ],
    [
      'assigning $states',
      machine({ A: { ...pass, Assign: { states: 1 } } }),
      /^States.A.Assign.states: \$states belongs/,
    ],
    ['a name that is none', machine({ A: { ...pass, Assign: { 'a.b': 1 } } }), /not a variable name/],
    [
      'an Assign that is no object',
      machine({ A: { ...pass, Assign: '{% {} %}' } }),
      /^States.A.Assign: wanted an object/,
    ],
    [
      'shadowing in a Map',
      machine({
        S: { Type: 'Pass', Assign: { v: 1 }, Next: 'M' },
        M: map({ A: { ...pass, Assign: { v: 2 } } }, { End: true }),
      }),
      /^States.M.ItemProcessor.States.A.Assign.v: assigns \$v, which is assigned outside, by S/,
    ],
    [
      'shadowing in a Catch of a branch',
      machine({
        P: {
          Type: 'Parallel',
          Branches: [
            {
              StartAt: 'A',
              States: {
                A: task({ Catch: [{ ErrorEquals: ['X'], Assign: { v: 2 }, Next: 'B' }], End: true }),
                B: { Type: 'Succeed' },
              },
            },
          ],
          Assign: { v: 1 },
          End: true,
        },
      }),
      /^States.P.Branches\[0\].States.A.Catch\[0\].Assign.v: assigns \$v/,
    ],
  ])('%s', (_, definition, problem) => {
    expect(problemsOf(definition).join('\n')).toMatch(new RegExp(problem.source, 'm'));
  });

  test('inner Assign of one Map does not disturb the same name in another', () => {
    const inner = (name: string): object => ({ [name]: { ...pass, Assign: { v: 1 } } });
    expect(problemsOf(machine({ M: map(inner('A'), { Next: 'N' }), N: map(inner('B'), { End: true }) }))).toEqual([]);
  });
});
