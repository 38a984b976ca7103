import { describe, expect, test } from 'vitest';
import { lintMachine } from '../../../scripts/lint-asl.ts';

const BATCH = 'arn:aws:states:::batch:submitJob.sync';
const placeholder = (name: string): string => `\${${name}}`;

/** A machine the lint has nothing to say about, with one Task whose parts can be replaced. */
function machine(
  over: { task?: object; args?: object; notifyNext?: string; states?: object; top?: object } = {},
): object {
  return {
    Comment: 'c',
    QueryLanguage: 'JSONata',
    TimeoutSeconds: 3600,
    StartAt: 'Open',
    States: {
      Open: { Comment: 'c', Type: 'Pass', Assign: { run: '{% $states.context.Execution.Name %}' }, Next: 'Job' },
      Job: {
        Comment: 'c',
        Type: 'Task',
        Resource: BATCH,
        Arguments: {
          JobName: 'consolidate',
          JobQueue: placeholder('queue_arn'),
          JobDefinition: `${placeholder('stage')}-consolidator`,
          Parameters: { run: '{% $string($run) %}', mode: 'full' },
          ContainerOverrides: { Environment: [{ Name: 'RUN', Value: '{% $run %}' }] },
          ...over.args,
        },
        TimeoutSeconds: 600,
        Retry: [{ ErrorEquals: ['Batch.ServerException', 'Batch.AWSBatchException'] }],
        Catch: [{ ErrorEquals: ['States.ALL'], Assign: { why: '{% $states.errorOutput.Cause %}' }, Next: 'Notify' }],
        Next: 'Done',
        ...over.task,
      },
      Done: { Comment: 'c', Type: 'Succeed' },
      Notify: {
        Comment: 'c',
        Type: 'Task',
        Resource: 'arn:aws:states:::sns:publish',
        Arguments: { TopicArn: placeholder('topic_arn'), Message: '{% $why %}' },
        TimeoutSeconds: 30,
        Next: over.notifyNext ?? 'Failed',
      },
      Failed: { Comment: 'c', Type: 'Fail', Error: 'Night.Failed', Cause: '{% $why %}' },
      ...over.states,
    },
    ...over.top,
  };
}

test('a machine by the rules has no findings, placeholders and all', () => {
  expect(lintMachine(machine())).toEqual([]);
});

test('a notification that a choice leads to may end well, when no error leads to it', () => {
  const tell = { Type: 'Task', Resource: 'arn:aws:states:::sns:publish', TimeoutSeconds: 30, Next: 'Done' };
  const Arguments = { TopicArn: placeholder('topic_arn'), Message: 'something to look at' };
  const told = machine({
    task: { Next: 'Look?' },
    states: {
      'Look?': {
        Comment: 'c',
        Type: 'Choice',
        Choices: [{ Condition: '{% $run = "x" %}', Next: 'Tell' }],
        Default: 'Done',
      },
      Tell: { Comment: 'c', ...tell, Arguments },
    },
  });
  expect(lintMachine(told)).toEqual([]);
});

describe('a finding names its place', () => {
  test.each<[string, object, string]>([
    [
      'no time limit on the machine',
      machine({ top: { TimeoutSeconds: undefined } }),
      'TimeoutSeconds: the machine has none',
    ],
    ['no Comment on the machine', machine({ top: { Comment: undefined } }), 'Comment: the machine has none'],
    ['no time limit on a Task', machine({ task: { TimeoutSeconds: undefined } }), 'States.Job: has no TimeoutSeconds'],
    ['no Comment on a state', machine({ states: { Done: { Type: 'Succeed' } } }), 'States.Done: has no Comment'],
    [
      'a JSONPath field',
      machine({ task: { ResultPath: '$.x' } }),
      'States.Job.ResultPath: a field the engine does not know; JSONPath',
    ],
    [
      'a .$ key',
      machine({ args: { Tags: { 'a.$': 'b' } } }),
      'States.Job.Arguments.Tags.a.$: a key that ends in .$ is JSONPath',
    ],
    [
      'a Terraform directive',
      machine({ args: { Tags: { a: "{%{'k': 1}%}" } } }),
      'States.Job.Arguments.Tags.a: %{ is a Terraform directive',
    ],
    [
      'marks without spaces',
      machine({ args: { Tags: { a: '{%$run%}' } } }),
      'States.Job.Arguments.Tags.a: wanted a space',
    ],
    [
      'a Terraform function',
      machine({ args: { JobName: placeholder('upper(name)') } }),
      `States.Job.Arguments.JobName: ${placeholder('upper(name)')} is not a placeholder`,
    ],
    [
      'a placeholder in a key',
      machine({ args: { Tags: { [placeholder('tag')]: 'a' } } }),
      'a placeholder stands in values, never in keys',
    ],
    [
      'a Batch parameter that is a number',
      machine({ args: { Parameters: { n: 5 } } }),
      'States.Job.Arguments.Parameters.n: is not a string',
    ],
    [
      'a Batch parameter without $string',
      machine({ args: { Parameters: { run: '{% $run %}' } } }),
      'States.Job.Arguments.Parameters.run: is not a string; wrap it in $string',
    ],
    [
      'Batch parameters as one expression',
      machine({ args: { Parameters: "{% {'run': $run} %}" } }),
      'States.Job.Arguments.Parameters: write each parameter out',
    ],
    [
      "a variable of Batch's own",
      machine({ args: { ContainerOverrides: { Environment: [{ Name: 'AWS_BATCH_X', Value: '1' }] } } }),
      'Environment: AWS_BATCH_X: names beginning with AWS_BATCH',
    ],
    [
      'a job retried for its own failure',
      machine({ task: { Retry: [{ ErrorEquals: ['States.TaskFailed'] }] } }),
      'States.Job.Retry[0].ErrorEquals: retries States.TaskFailed',
    ],
    [
      'a notification that ends well',
      machine({ notifyNext: 'Done', states: { Failed: undefined } }),
      'States.Notify: leads to an end in Done',
    ],
    [
      'a variable read before it is assigned',
      machine({
        states: { Open: { Comment: 'c', Type: 'Pass', Output: '{% $why %}', Assign: { run: 'r' }, Next: 'Job' } },
      }),
      'States.Open.Output: reads $why before any path to here assigns it',
    ],
    [
      'a variable nobody assigns',
      machine({ args: { JobName: '{% $name %}' } }),
      'States.Job.Arguments.JobName: reads $name before any path to here assigns it',
    ],
    [
      'an inner variable read outside',
      machine({
        states: {
          Open: {
            Comment: 'c',
            Type: 'Map',
            ItemProcessor: { StartAt: 'A', States: { A: { Comment: 'c', Type: 'Pass', Assign: { v: 1 }, End: true } } },
            Assign: { run: '{% $v %}' },
            Next: 'Job',
          },
        },
      }),
      'States.Open.Assign.run: reads $v before any path to here assigns it',
    ],
    [
      'a variable named as a function',
      machine({
        states: { Open: { Comment: 'c', Type: 'Pass', Assign: { run: 'r', count: 1 }, Next: 'Job' } },
      }),
      'States.Open.Assign.count: $count is a JSONata function',
    ],
    [
      'half an expression',
      machine({ args: { JobName: '{% $run' } }),
      'States.Job.Arguments.JobName: an expression begins with {% and ends with %}',
    ],
    [
      'text before an expression',
      machine({ args: { JobName: 'run {% $run %}' } }),
      'States.Job.Arguments.JobName: an expression begins with {% and ends with %}',
    ],
  ])('%s', (_, definition, finding) => {
    const plain: unknown = JSON.parse(JSON.stringify(definition));
    expect(lintMachine(plain).join('\n')).toContain(finding);
  });
});

test('a string by form alone is good enough for Batch: literals, &, $string, a choice between them', () => {
  const Parameters = {
    a: "{% 'x' %}",
    b: "{% $run & '!' %}",
    c: "{% $run = 'r' ? 'full' : $string(1) %}",
    d: '{% ($n := 1; $string($n)) %}',
  };
  expect(lintMachine(machine({ args: { Parameters } }))).toEqual([]);
});

test('inside a Map, variables assigned before the Map are known, those of later states are not', () => {
  const inner = { A: { Comment: 'c', Type: 'Pass', Output: '{% $run & $late %}', End: true } };
  const lanes = { Comment: 'c', Type: 'Map', Items: [1], ItemProcessor: { StartAt: 'A', States: inner }, Next: 'Late' };
  const states = {
    Open: { Comment: 'c', Type: 'Pass', Assign: { run: 'r' }, Next: 'Lanes' },
    Lanes: lanes,
    Late: { Comment: 'c', Type: 'Pass', Assign: { late: 1 }, Next: 'Job' },
  };
  expect(lintMachine(machine({ states }))).toEqual([
    'States.Lanes.ItemProcessor.States.A.Output: reads $late before any path to here assigns it',
  ]);
});
