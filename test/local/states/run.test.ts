import { describe, expect, test } from 'vitest';
import type { ExecutionEvent, Integration } from '../../../src/local/states/events.ts';
import { loadMachine } from '../../../src/local/states/load.ts';
import { type RunOptions, runMachine } from '../../../src/local/states/run-machine.ts';

const LAMBDA = 'arn:aws:states:::lambda:invoke';
const task = (rest: object): object => ({ Type: 'Task', Resource: LAMBDA, Arguments: { FunctionName: 'f' }, ...rest });
const machineOf = (states: Record<string, object>, rest: object = {}): ReturnType<typeof loadMachine> =>
  loadMachine({ QueryLanguage: 'JSONata', ...rest, StartAt: Object.keys(states)[0], States: states });
const options = (invoke: Integration, rest: Partial<RunOptions> = {}): RunOptions => ({
  input: {},
  execution: { arn: 'arn:e', name: 'e', startTime: '2025-11-19T09:00:00.000Z' },
  stateMachine: { arn: 'arn:m', name: 'm' },
  integrations: { [LAMBDA]: invoke },
  ...rest,
});
const named = (name: string, message: string): Error => Object.assign(new Error(message), { name });

describe('runMachine', () => {
  test('a Resource without integration is refused before anything starts', async () => {
    const events: ExecutionEvent[] = [];
    const run = runMachine(machineOf({ A: task({ End: true }) }), {
      ...options(async () => ({})),
      integrations: {},
      onEvent: (event) => events.push(event),
    });
    await expect(run).rejects.toMatchObject({ name: 'Config.Invalid', message: expect.stringContaining(LAMBDA) });
    expect(events).toEqual([]);
  });

  test('timeScale multiplies waits and retry delays; the events tell the unscaled seconds', async () => {
    const slept: number[] = [];
    const events: ExecutionEvent[] = [];
    const states = {
      W: { Type: 'Wait', Seconds: 900, Next: 'A' },
      A: task({ Retry: [{ ErrorEquals: ['X'], IntervalSeconds: 30 }], End: true }),
    };
    let tries = 0;
    const flaky: Integration = async () => {
      tries += 1;
      if (tries === 1) throw named('X', 'once');
      return {};
    };
    await runMachine(
      machineOf(states),
      options(flaky, {
        timeScale: 1 / 300,
        sleep: async (ms) => void slept.push(ms),
        onEvent: (event) => events.push(event),
      }),
    );
    expect(slept).toEqual([3000, 100]);
    expect(events.find(({ type }) => type === 'WaitStarted')?.seconds).toBe(900);
    expect(events.find(({ type }) => type === 'TaskRetried')).toMatchObject({
      attempt: 1,
      delaySeconds: 30,
      cause: 'once',
    });
  });

  test('an abort ends running tasks and waits in ABORTED; nothing catches it', async () => {
    const stop = new AbortController();
    const signals: AbortSignal[] = [];
    const events: ExecutionEvent[] = [];
    const states = {
      P: {
        Type: 'Parallel',
        Branches: [
          { StartAt: 'A', States: { A: task({ Retry: [{ ErrorEquals: ['States.ALL'] }], End: true }) } },
          { StartAt: 'W', States: { W: { Type: 'Wait', Seconds: 86_400, End: true } } },
        ],
        Catch: [{ ErrorEquals: ['States.ALL'], Next: 'B' }],
        End: true,
      },
      B: { Type: 'Pass', End: true },
    };
    const hang: Integration = async (_, { signal }) => {
      signals.push(signal);
      setImmediate(() => stop.abort());
      return new Promise(() => {});
    };
    const result = await runMachine(
      machineOf(states),
      options(hang, { signal: stop.signal, onEvent: (event) => events.push(event) }),
    );
    expect(result.status).toBe('ABORTED');
    expect(result.error).toBeUndefined();
    expect(signals.map(({ aborted }) => aborted)).toEqual([true]);
    expect(events.at(-1)?.type).toBe('ExecutionAborted');
    expect(events.map(({ state }) => state)).not.toContain('B');
  });

  test('a signal aborted beforehand runs nothing', async () => {
    let calls = 0;
    const count: Integration = async () => {
      calls += 1;
    };
    const result = await runMachine(
      machineOf({ A: task({ End: true }) }),
      options(count, { signal: AbortSignal.abort() }),
    );
    expect([result.status, calls]).toEqual(['ABORTED', 0]);
  });

  test('a loop that never waits fails at event 25,000, as on AWS', async () => {
    const loop = {
      A: { Type: 'Choice', Choices: [{ Condition: '{% true %}', Next: 'A' }], Default: 'B' },
      B: { Type: 'Succeed' },
    };
    const result = await runMachine(
      machineOf(loop, { TimeoutSeconds: 60 }),
      options(async () => ({})),
    );
    expect(result).toMatchObject({
      status: 'FAILED',
      error: 'States.Runtime',
      cause: 'The execution reached the maximum number of history events (25000).',
      historyEvents: 25_000,
    });
  });

  test('integrations get plain Arguments and the context, and what they return is not shared', async () => {
    const kept = { Payload: { list: [1] } };
    const seen: unknown[] = [];
    const states = {
      A: task({
        Arguments: { FunctionName: 'f', Payload: '{% $states.input.rows[n > 0].n %}' },
        Assign: { p: '{% $states.result.Payload %}' },
        Next: 'B',
      }),
      B: { Type: 'Pass', Output: '{% $p %}', End: true },
    };
    const invoke: Integration = async (args, info) => {
      seen.push(args, info.stateName, info.attempt, (info.context.State as { Name: string }).Name);
      return kept;
    };
    const input = { rows: [{ n: 1 }, { n: 2 }] };
    const result = await runMachine(machineOf(states), options(invoke, { input }));
    expect(seen).toEqual([{ FunctionName: 'f', Payload: [1, 2] }, 'A', 0, 'A']);
    expect(Object.keys((seen[0] as { Payload: number[] }).Payload)).toEqual(['0', '1']);
    expect(result.output).toEqual({ list: [1] });
    kept.Payload.list.push(2);
    expect(result.output).toEqual({ list: [1] });
  });

  test('a thrown value that is no error is States.TaskFailed', async () => {
    const result = await runMachine(
      machineOf({ A: task({ End: true }) }),
      options(async () => {
        throw 'text';
      }),
    );
    expect(result).toMatchObject({ status: 'FAILED', error: 'States.TaskFailed', cause: 'text' });
  });

  test('a result over the limit is caught, though Output would shrink it', async () => {
    const states = {
      A: task({ Output: '{% 1 %}', Catch: [{ ErrorEquals: ['States.ALL'], Next: 'B' }], End: true }),
      B: { Type: 'Pass', End: true },
    };
    const run = (length: number): ReturnType<typeof runMachine> =>
      runMachine(
        machineOf(states),
        options(async () => 'x'.repeat(length)),
      );
    expect(await run(262_142)).toMatchObject({ status: 'SUCCEEDED', output: 1 });
    const output = { Error: 'States.DataLimitExceeded', Cause: expect.any(String) };
    expect(await run(262_143)).toMatchObject({ status: 'SUCCEEDED', output });
  });

  test('an input over the limit fails before the first state', async () => {
    const events: ExecutionEvent[] = [];
    const result = await runMachine(
      machineOf({ A: { Type: 'Pass', End: true } }),
      options(async () => ({}), { input: 'x'.repeat(262_143), onEvent: (event) => events.push(event) }),
    );
    expect(result.error).toBe('States.DataLimitExceeded');
    expect(events.map(({ type }) => type)).toEqual(['ExecutionStarted', 'ExecutionFailed']);
  });

  test('a Map of 3,000 tasks calls each once, at most 40 at a time', async () => {
    let [calls, running, most] = [0, 0, 0];
    const invoke: Integration = async () => {
      calls += 1;
      running += 1;
      most = Math.max(most, running);
      await new Promise((resolve) => setImmediate(resolve));
      running -= 1;
      return {};
    };
    const map = {
      Type: 'Map',
      Items: '{% [1..3000] %}',
      ItemProcessor: { StartAt: 'A', States: { A: task({ Output: '{% 1 %}', End: true }) } },
      Output: '{% $count($states.result) %}',
      End: true,
    };
    const result = await runMachine(machineOf({ M: map }), options(invoke));
    expect([result.output, calls, most]).toEqual([3000, 3000, 40]);
    // Seven an iteration, four of the Map, two of the execution.
    expect(result.historyEvents).toBe(7 * 3000 + 6);
  });
});
