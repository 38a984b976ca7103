import { expressionSource } from './expressions.ts';
import { StateFailure } from './failure.ts';
import type { Fields } from './fields.ts';
import { isObject } from './fields.ts';
import { BATCH_SUBMIT_JOB_SYNC, LAMBDA_INVOKE, SNS_PUBLISH } from './resources.ts';

interface Parameters {
  required: readonly string[];
  optional: readonly string[];
}

/** The Arguments of each integration. Source: AWS, "Integrating optimized services". */
const PARAMETERS: Readonly<Record<string, Parameters>> = {
  [LAMBDA_INVOKE]: {
    required: ['FunctionName'],
    optional: ['ClientContext', 'InvocationType', 'Payload', 'Qualifier'],
  },
  [BATCH_SUBMIT_JOB_SYNC]: {
    required: ['JobDefinition', 'JobName', 'JobQueue'],
    optional: [
      ...['ArrayProperties', 'ContainerOverrides', 'DependsOn', 'Parameters', 'RetryStrategy'],
      ...['SchedulingPriorityOverride', 'ShareIdentifier', 'Tags', 'Timeout'],
    ],
  },
  [SNS_PUBLISH]: {
    required: ['Message'],
    optional: [
      ...['MessageAttributes', 'MessageDeduplicationId', 'MessageGroupId', 'MessageStructure'],
      ...['PhoneNumber', 'Subject', 'TargetArn', 'TopicArn'],
    ],
  },
};

/** Notes an unknown Resource, and Arguments the integration does not have or cannot do without. */
export function checkResource(fields: Fields): string {
  const resource = fields.text('Resource', 'required') ?? '';
  const parameters = Object.hasOwn(PARAMETERS, resource) ? PARAMETERS[resource]! : undefined;
  if (parameters === undefined) {
    if (resource !== '') fields.problem('Resource', `wanted ${Object.keys(PARAMETERS).join(', ')}; found ${resource}`);
    return resource;
  }
  const args = fields.raw('Arguments');
  if (typeof args === 'string' && expressionSource(args) !== undefined) return resource;
  if (!isObject(args)) {
    fields.problem('Arguments', args === undefined ? 'is missing' : 'wanted an object or an expression');
    return resource;
  }
  const known = [...parameters.required, ...parameters.optional];
  for (const name of Object.keys(args)) {
    if (!known.includes(name)) fields.problem(`Arguments.${name}`, `${resource} takes ${known.join(', ')}`);
  }
  for (const name of parameters.required) {
    if (!Object.hasOwn(args, name)) fields.problem(`Arguments.${name}`, 'is missing');
  }
  return resource;
}

/**
 * Fails with States.Runtime, which nothing catches, on Arguments the integration cannot take: on AWS a Batch
 * parameter that is not a string does just that.
 */
export function requireArguments(resource: string, args: unknown): void {
  const parameters = PARAMETERS[resource];
  const given = isObject(args) ? args : {};
  const missing = parameters?.required.filter((name) => given[name] === undefined || given[name] === null) ?? [];
  if (!isObject(args) || missing.length > 0) {
    throw new StateFailure('States.Runtime', `Arguments of ${resource} lack ${missing.join(', ')}.`);
  }
  if (resource !== BATCH_SUBMIT_JOB_SYNC || !isObject(args.Parameters)) return;
  for (const [name, value] of Object.entries(args.Parameters)) {
    if (typeof value === 'string') continue;
    throw new StateFailure(
      'States.Runtime',
      `The value of the field 'Parameters/${name}' must be a STRING, found ${JSON.stringify(value)}.`,
    );
  }
}
