import { expect, test } from 'vitest';
import { matchesError, StateFailure } from '../../../src/local/states/failure.ts';

test.each([
  [['States.ALL'], 'Vendor.AuthFailed', true],
  [['States.ALL'], 'States.Timeout', true],
  [['States.ALL'], 'States.QueryEvaluationError', true],
  [['States.ALL'], undefined, true],
  [['States.ALL'], 'States.DataLimitExceeded', true],
  [['States.ALL'], 'States.Runtime', false],
  [['States.TaskFailed'], 'Vendor.AuthFailed', true],
  [['States.TaskFailed'], 'States.Timeout', false],
  [['States.TaskFailed'], 'States.Runtime', false],
  [['A', 'B'], 'B', true],
  [['A', 'B'], 'b', false],
])('%j against %s: %s', (errorEquals, error, matches) => {
  expect(matchesError(errorEquals, error)).toBe(matches);
});

test('errorOutput always has Error and Cause', () => {
  expect(new StateFailure('X', 'why').errorOutput).toEqual({ Error: 'X', Cause: 'why' });
  expect(new StateFailure('States.Timeout').errorOutput).toEqual({ Error: 'States.Timeout', Cause: '' });
});
