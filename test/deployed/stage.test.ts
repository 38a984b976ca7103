import { GetFunctionConfigurationCommand, LambdaClient } from '@aws-sdk/client-lambda';
import {
  DescribeExecutionCommand,
  GetExecutionHistoryCommand,
  type HistoryEvent,
  SFNClient,
  StartExecutionCommand,
} from '@aws-sdk/client-sfn';
import { mockClient } from 'aws-sdk-client-mock';
import { afterAll, beforeEach, expect, test } from 'vitest';
import { openStage } from '../../src/deployed/stage.ts';

const lambda = mockClient(LambdaClient);
const sfn = mockClient(SFNClient);
// Stubs of a class stay for the files that share the process.
afterAll(() => {
  lambda.restore();
  sfn.restore();
});
const clients = { lambda: lambda as never, sfn: sfn as never };
const ARN = 'arn:aws:states:eu-west-1:111122223333:execution:afterbell-dev-nightly:night-x';
const at = (second: number) => new Date(Date.UTC(2026, 10, 20, 9, 0, second));

beforeEach(() => {
  lambda.reset();
  sfn.reset();
  lambda.on(GetFunctionConfigurationCommand).resolves({
    FunctionArn: 'arn:aws:lambda:eu-west-1:111122223333:function:afterbell-dev-open-night',
    Environment: {
      Variables: {
        STAGE: 'dev',
        LAKE_URI: 's3://afterbell-dev-lake-111122223333',
        RUNS_TABLE: 'afterbell-dev-runs',
        DATABASE_CLUSTER_ARN: 'arn:aws:rds:eu-west-1:111122223333:cluster:afterbell-dev',
        DATABASE_SECRET_ARN: 'arn:aws:secretsmanager:eu-west-1:111122223333:secret:x',
      },
    },
  });
  sfn.on(StartExecutionCommand).resolves({ executionArn: ARN, startDate: at(0) });
});

test('a stage is read from the environment of its own open-night function', async () => {
  const stage = await openStage('dev', clients);
  expect(stage).toMatchObject({ region: 'eu-west-1', account: '111122223333' });
  expect(stage.stores.lake.uri).toBe('s3://afterbell-dev-lake-111122223333');
  expect(stage.config.RUNS_TABLE).toBe('afterbell-dev-runs');
});

test('a stage that is not deployed, and credentials that ran out, are told apart', async () => {
  lambda.on(GetFunctionConfigurationCommand).rejects(error('ResourceNotFoundException'));
  await expect(openStage('dev', clients)).rejects.toMatchObject({ name: 'Usage.Invalid' });
  lambda.on(GetFunctionConfigurationCommand).rejects(error('ExpiredTokenException'));
  await expect(openStage('dev', clients)).rejects.toMatchObject({ name: 'Config.Invalid' });
  await expect(openStage('../x', clients)).rejects.toMatchObject({ name: 'Usage.Invalid' });
});

test('an execution is started by name, followed to its end, every event told once', async () => {
  const events: HistoryEvent[] = [
    { id: 1, previousEventId: 0, type: 'ExecutionStarted', timestamp: at(0) },
    { id: 2, previousEventId: 1, type: 'TaskStateEntered', timestamp: at(1), stateEnteredEventDetails: { name: 'A' } },
    { id: 3, previousEventId: 2, type: 'TaskStateExited', timestamp: at(2), stateExitedEventDetails: { name: 'A' } },
    { id: 4, previousEventId: 3, type: 'ExecutionSucceeded', timestamp: at(3) },
  ];
  let polls = 0;
  sfn.on(DescribeExecutionCommand).callsFake(() => {
    polls += 1;
    const ended = { status: 'SUCCEEDED', output: '{"status":"Succeeded"}', stopDate: at(3) };
    return { startDate: at(0), ...(polls < 3 ? { status: 'RUNNING' } : ended) };
  });
  // Pages of two; the newest page has no token and is asked for again.
  sfn.on(GetExecutionHistoryCommand).callsFake(({ nextToken }: { nextToken?: string }) => {
    const known = events.slice(0, polls + 1);
    const from = Number(nextToken ?? 0);
    const more = from + 2 < known.length;
    return { events: known.slice(from, from + 2), ...(more ? { nextToken: String(from + 2) } : {}) };
  });
  const stage = await openStage('dev', clients);
  const told: string[] = [];
  let link = '';
  const result = await stage.run(
    'nightly',
    { session: '2026-11-20' },
    {
      name: 'night-2026-11-20',
      onEvent: ({ type }) => told.push(type),
      onStarted: ({ console }) => {
        link = console;
      },
      pollMs: 1,
    },
  );
  expect(told).toEqual(['ExecutionStarted', 'StateEntered', 'StateExited', 'ExecutionSucceeded']);
  expect(result).toMatchObject({ status: 'SUCCEEDED', output: { status: 'Succeeded' } });
  expect(result.runId).toMatch(/^night-2026-11-20-\d{8}T\d{6}$/);
  expect(link).toContain('eu-west-1.console.aws.amazon.com');
  const [started] = sfn.commandCalls(StartExecutionCommand);
  expect(started!.args[0].input).toMatchObject({
    stateMachineArn: 'arn:aws:states:eu-west-1:111122223333:stateMachine:afterbell-dev-nightly',
    input: '{"session":"2026-11-20"}',
  });
});

test('an interruption leaves the execution running and says how to stop it', async () => {
  const stop = new AbortController();
  sfn.on(DescribeExecutionCommand).callsFake(async () => {
    stop.abort();
    return { status: 'RUNNING', startDate: at(0) };
  });
  sfn.on(GetExecutionHistoryCommand).resolves({ events: [] });
  const stage = await openStage('dev', clients);
  const run = stage.run('nightly', {}, { name: 'night', signal: stop.signal, pollMs: 60_000 });
  await expect(run).rejects.toThrow(/goes on.*stop-execution/s);
});

function error(name: string): Error {
  return Object.assign(new Error(name), { name });
}
