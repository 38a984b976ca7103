import { expect, test } from 'vitest';
import { causeText, closeInput, describe as say } from '../../src/night/close-input.ts';
import { closing } from './closing.ts';

const container = (reason: string) =>
  JSON.stringify({ Container: { Reason: reason, ExitCode: 1 }, StatusReason: 'Essential container in task exited' });

test.each([
  ["Lambda's JSON", '{"errorType":"Data.Invalid","errorMessage":"no rows","trace":[]}', 'no rows'],
  [
    "a job's last words",
    container('{"job":"x","done":1}\n{"name":"Job.Failed","message":"one input is damaged"}'),
    'Job.Failed: one input is damaged',
  ],
  ["a job's last words, cut off", container('{"name":"Job.Failed","mess'), '{"name":"Job.Failed","mess'],
  ["a container's own reason", container('OutOfMemoryError: Container killed'), 'OutOfMemoryError: Container killed'],
  ['a job without a container', '{"StatusReason":"Array Child Job failed"}', 'Array Child Job failed'],
  ['plain text', 'The state timed out', 'The state timed out'],
  ['empty text', '', ''],
  ['JSON of another shape', '{"a":1}', '{"a":1}'],
  ['a bare null', 'null', 'null'],
])('the sentence in %s', (_name, cause, sentence) => expect(causeText(cause)).toBe(sentence));

test('a trouble is told with its state, name and sentence', () => {
  expect(say({ state: 'Consolidate', error: 'Batch.JobFailed', cause: '{"StatusReason":"gone"}' })).toBe(
    'Consolidate: Batch.JobFailed: gone',
  );
});

test('what the state machine leaves out of a staged session is filled in', () => {
  const input = closing({ prices: { staged: [{ date: '2026-11-25', status: 'failed' }] as never } });
  expect(closeInput.parse(input).prices.staged).toEqual([
    { date: '2026-11-25', status: 'failed', rows: 0, rejected: 0, reason: '' },
  ]);
});
