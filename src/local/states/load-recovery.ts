import type { Fields } from './fields.ts';
import { loadEffects } from './load-effects.ts';
import type { Catcher, Recovery, Retrier } from './machine.ts';

const MAX_SECONDS = 99_999_999;
/** Longest MaxDelaySeconds, exclusive. Source: AWS, "Retrying after an error". */
const MAX_DELAY = 31_622_400;

/** Names beginning with `States.` that can reach a Retry or Catch in the machines this engine runs. */
const CATCHABLE = [
  'States.ALL',
  'States.TaskFailed',
  'States.Timeout',
  'States.QueryEvaluationError',
  'States.NoChoiceMatched',
  'States.Permissions',
];

/** Reads Retry and Catch. */
export function loadRecovery(fields: Fields, mapItem: boolean): Recovery {
  const retriers = fields.objects('Retry', 'optional');
  const catchers = fields.objects('Catch', 'optional');
  return {
    retry: retriers.map((retrier, index) => loadRetrier(retrier, index === retriers.length - 1)),
    catch: catchers.map((catcher, index) => loadCatcher(catcher, index === catchers.length - 1, mapItem)),
  };
}

function loadRetrier(fields: Fields, last: boolean): Retrier {
  const known = ['ErrorEquals', 'IntervalSeconds', 'MaxAttempts', 'BackoffRate', 'MaxDelaySeconds', 'JitterStrategy'];
  fields.allow([...known, 'Comment'], 'Retry');
  const intervalSeconds = fields.number('IntervalSeconds', { integer: true, from: 1, to: MAX_SECONDS }) ?? 1;
  const maxDelaySeconds = fields.number('MaxDelaySeconds', { integer: true, from: 1, to: MAX_DELAY - 1 });
  if (maxDelaySeconds !== undefined && maxDelaySeconds <= intervalSeconds) {
    fields.problem('MaxDelaySeconds', `must be greater than IntervalSeconds ${intervalSeconds}`);
  }
  const jitter = fields.raw('JitterStrategy') ?? 'NONE';
  if (jitter !== 'FULL' && jitter !== 'NONE') {
    fields.problem('JitterStrategy', `wanted FULL or NONE, found ${JSON.stringify(jitter)}`);
  }
  return {
    errorEquals: loadErrorEquals(fields, last),
    intervalSeconds,
    maxAttempts: fields.number('MaxAttempts', { integer: true, from: 0, to: MAX_SECONDS }) ?? 3,
    backoffRate: fields.number('BackoffRate', { integer: false, from: 1, to: Number.MAX_VALUE }) ?? 2,
    maxDelaySeconds,
    jitter: jitter === 'FULL' ? 'FULL' : 'NONE',
  };
}

function loadCatcher(fields: Fields, last: boolean, mapItem: boolean): Catcher {
  fields.allow(['ErrorEquals', 'Next', 'Assign', 'Output', 'Comment'], 'Catch');
  return {
    errorEquals: loadErrorEquals(fields, last),
    next: fields.text('Next', 'required') ?? '',
    ...loadEffects(fields, { errorOutput: true, mapItem }),
  };
}

function loadErrorEquals(fields: Fields, last: boolean): string[] {
  const value = fields.raw('ErrorEquals');
  const names = Array.isArray(value)
    ? value.filter((name): name is string => typeof name === 'string' && name !== '')
    : [];
  if (!Array.isArray(value) || names.length === 0 || names.length !== value.length) {
    fields.problem('ErrorEquals', 'wanted a list of at least one error name');
    return names;
  }
  if (names.includes('States.ALL') && names.length > 1) fields.problem('ErrorEquals', 'States.ALL must stand alone');
  if (names.includes('States.ALL') && !last) fields.problem('ErrorEquals', 'States.ALL must come last');
  for (const name of names) {
    if (name === 'States.Runtime' || name === 'States.DataLimitExceeded') {
      fields.problem('ErrorEquals', `${name} ends the execution; nothing catches it`);
    } else if (name.startsWith('States.') && !CATCHABLE.includes(name)) {
      fields.problem('ErrorEquals', `the engine never raises ${name}; it knows ${CATCHABLE.join(', ')}`);
    }
  }
  return names;
}
