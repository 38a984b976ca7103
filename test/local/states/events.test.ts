import { expect, test } from 'vitest';
import type { ExecutionEvent } from '../../../src/local/states/events.ts';
import { loadMachine } from '../../../src/local/states/load.ts';
import { runMachine } from '../../../src/local/states/run-machine.ts';

const LAMBDA = 'arn:aws:states:::lambda:invoke';

async function eventsOf(states: Record<string, object>, errors: string[] = []): Promise<string[]> {
  const events: ExecutionEvent[] = [];
  const failures = [...errors];
  await runMachine(loadMachine({ QueryLanguage: 'JSONata', StartAt: Object.keys(states)[0], States: states }), {
    input: {},
    execution: { arn: 'arn:e', name: 'e', startTime: '2025-11-19T09:00:00.000Z' },
    stateMachine: { arn: 'arn:m', name: 'm' },
    integrations: {
      [LAMBDA]: async () => {
        const name = failures.shift() ?? '';
        if (name !== '') throw Object.assign(new Error('why'), { name });
        return { Payload: 7 };
      },
    },
    sleep: async () => {},
    now: () => new Date('2025-11-19T09:00:01Z'),
    onEvent: (event) => events.push(event),
  });
  expect(new Set(events.map(({ at }) => at))).toEqual(new Set(['2025-11-19T09:00:01.000Z']));
  return events.map(({ at, type, path, ...rest }) => {
    const told = Object.entries(rest).filter(([, value]) => value !== undefined);
    return [[...path, type].join('/'), ...told.map(([key, value]) => `${key}=${JSON.stringify(value)}`)].join(' ');
  });
}

const task = (rest: object): object => ({ Type: 'Task', Resource: LAMBDA, Arguments: { FunctionName: 'f' }, ...rest });

test('a retried and caught Task tells scheduled, failed, retried and caught', async () => {
  const retry = { ErrorEquals: ['X'], MaxAttempts: 1 };
  const states = {
    A: task({ Retry: [retry], Catch: [{ ErrorEquals: ['Y'], Next: 'B' }], Next: 'B' }),
    B: { Type: 'Wait', Seconds: 5, End: true },
  };
  expect(await eventsOf(states, ['X', 'Y'])).toEqual([
    'ExecutionStarted',
    'StateEntered state="A" stateType="Task"',
    'TaskScheduled state="A" attempt=0',
    'TaskFailed state="A" attempt=0 error="X" cause="why"',
    'TaskRetried state="A" attempt=1 delaySeconds=1 error="X" cause="why"',
    'TaskScheduled state="A" attempt=1',
    'TaskFailed state="A" attempt=1 error="Y" cause="why"',
    'StateCaught state="A" error="Y" cause="why" next="B"',
    'StateExited state="A" stateType="Task" next="B"',
    'StateEntered state="B" stateType="Wait"',
    'WaitStarted state="B" seconds=5',
    'StateExited state="B" stateType="Wait"',
    'ExecutionSucceeded',
  ]);
});

test('events inside a Map carry the Map and the index in their path', async () => {
  const processor = { StartAt: 'A', States: { A: task({ End: true }) } };
  const states = { M: { Type: 'Map', Items: [1], ItemProcessor: processor, End: true } };
  expect(await eventsOf(states)).toEqual([
    'ExecutionStarted',
    'StateEntered state="M" stateType="Map"',
    'MapStarted state="M" count=1',
    'M/0/MapIterationStarted state="M"',
    'M/0/StateEntered state="A" stateType="Task"',
    'M/0/TaskScheduled state="A" attempt=0',
    'M/0/TaskSucceeded state="A" attempt=0 output={"Payload":7}',
    'M/0/StateExited state="A" stateType="Task"',
    'M/0/MapIterationSucceeded state="M"',
    'StateExited state="M" stateType="Map"',
    'ExecutionSucceeded',
  ]);
});

test('a failing branch is told as failed, its siblings as aborted', async () => {
  const branch = (name: string, state: object): object => ({ StartAt: name, States: { [name]: state } });
  const lane = { StartAt: 'N', States: { N: { Type: 'Wait', Seconds: 1, Next: 'N2' }, N2: task({ End: true }) } };
  const sleeper = { Type: 'Map', Items: [1], ItemProcessor: lane, End: true };
  const states = {
    P: { Type: 'Parallel', Branches: [branch('F', { Type: 'Fail', Error: 'E' }), branch('S', sleeper)], End: true },
  };
  const told = await eventsOf(states);
  expect(told).toContain('P/0/ParallelBranchFailed state="P" error="E"');
  expect(told).toContain('P/1/ParallelBranchAborted state="P"');
  expect(told.at(-1)).toBe('ExecutionFailed error="E"');
});
