import type { HistoryEvent } from '@aws-sdk/client-sfn';
import { expect, test } from 'vitest';
import { History } from '../../src/deployed/history.ts';

const at = new Date('2026-11-20T09:00:00Z');
let id = 0;
/** An event after the one given; ids count up as on AWS. */
function event(type: string, previousEventId: number, details: object = {}): HistoryEvent {
  id += 1;
  return { id, previousEventId, type, timestamp: at, ...details } as HistoryEvent;
}
function readAll(events: HistoryEvent[]) {
  const history = new History();
  return events.map((one) => history.read(one)).filter((one) => one !== undefined);
}
const enter = (name: string, previous: number, type = 'Task') =>
  event(`${type}StateEntered`, previous, { stateEnteredEventDetails: { name } });
const exit = (name: string, previous: number, type = 'Task') =>
  event(`${type}StateExited`, previous, { stateExitedEventDetails: { name } });

test('a task is entered, scheduled, answered and left, with its output', () => {
  id = 0;
  const events = readAll([
    event('ExecutionStarted', 0),
    enter('Open Night', 1),
    event('TaskScheduled', 2),
    event('TaskStarted', 3),
    event('TaskSucceeded', 4, { taskSucceededEventDetails: { output: '{"Payload":{"done":true}}' } }),
    exit('Open Night', 5),
    event('ExecutionSucceeded', 6),
  ]);
  expect(events.map(({ type, state }) => [type, state])).toEqual([
    ['ExecutionStarted', undefined],
    ['StateEntered', 'Open Night'],
    ['TaskScheduled', 'Open Night'],
    ['TaskSucceeded', 'Open Night'],
    ['StateExited', 'Open Night'],
    ['ExecutionSucceeded', 'Open Night'],
  ]);
  expect(events[3]!.output).toEqual({ Payload: { done: true } });
});

test('a task tried again says which error made it so', () => {
  id = 0;
  const events = readAll([
    enter('Sync Page', 0),
    event('TaskScheduled', 1),
    event('TaskFailed', 2, { taskFailedEventDetails: { error: 'Vendor.RateLimited', cause: 'slow down' } }),
    event('TaskScheduled', 3),
    event('TaskFailed', 4, { taskFailedEventDetails: { error: 'Vendor.Unavailable' } }),
    exit('Sync Page', 5),
  ]);
  expect(events.map(({ type, error, attempt }) => [type, error, attempt])).toEqual([
    ['StateEntered', undefined, undefined],
    ['TaskScheduled', undefined, 0],
    ['TaskFailed', 'Vendor.RateLimited', 0],
    ['TaskRetried', 'Vendor.RateLimited', 1],
    ['TaskFailed', 'Vendor.Unavailable', 1],
    ['StateCaught', 'Vendor.Unavailable', undefined],
  ]);
});

test('states within a map lie below it, by iteration', () => {
  id = 0;
  const events = readAll([
    enter('Stage Sessions', 0, 'Map'),
    event('MapStateStarted', 1, { mapStateStartedEventDetails: { length: 2 } }),
    event('MapIterationStarted', 2, { mapIterationStartedEventDetails: { name: 'Stage Sessions', index: 1 } }),
    enter('Stage Session', 3),
    exit('Stage Session', 4),
    event('MapIterationSucceeded', 5, { mapIterationSucceededEventDetails: { name: 'Stage Sessions', index: 1 } }),
  ]);
  expect(events.map(({ type, path, count }) => [type, path.join('/'), count])).toEqual([
    ['StateEntered', '', undefined],
    ['MapStarted', '', 2],
    ['MapIterationStarted', 'Stage Sessions/1', undefined],
    ['StateEntered', 'Stage Sessions/1', undefined],
    ['StateExited', 'Stage Sessions/1', undefined],
    ['MapIterationSucceeded', 'Stage Sessions/1', undefined],
  ]);
});

test('branches of a parallel state are numbered as they begin', () => {
  id = 0;
  const events = readAll([
    enter('Prices', 0, 'Parallel'),
    event('ParallelStateStarted', 1),
    enter('Prices Due?', 2, 'Choice'),
    enter('Other', 2, 'Pass'),
    exit('Prices Due?', 3, 'Choice'),
    enter('Check Night', 5),
  ]);
  expect(events.map(({ type, path, state }) => [type, path.join('/'), state])).toEqual([
    ['StateEntered', '', 'Prices'],
    ['ParallelStarted', '', 'Prices'],
    ['StateEntered', 'Prices/0', 'Prices Due?'],
    ['StateEntered', 'Prices/1', 'Other'],
    ['StateExited', 'Prices/0', 'Prices Due?'],
    ['StateEntered', 'Prices/0', 'Check Night'],
  ]);
});

test('how an execution ended is told with error and cause', () => {
  id = 0;
  const [failed] = readAll([
    event('ExecutionFailed', 0, { executionFailedEventDetails: { error: 'Night.Held', cause: 'half is missing' } }),
  ]);
  expect(failed).toMatchObject({ type: 'ExecutionFailed', error: 'Night.Held', cause: 'half is missing' });
});
