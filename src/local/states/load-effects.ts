import type { Available, Fields } from './fields.ts';
import { isObject } from './fields.ts';
import { ADDED_FUNCTIONS, JSONATA_FUNCTIONS } from './functions.ts';
import type { Assign, Effects } from './machine.ts';

const VARIABLE = /^[\p{ID_Start}_][\p{ID_Continue}]*$/u;

/** Reads Assign and Output. */
export function loadEffects(fields: Fields, available: Available): Effects {
  return { assign: loadAssign(fields, available), output: fields.template('Output', available) };
}

/** Reads `Next` or `End: true`; exactly one of the two. Undefined is the end. */
export function loadNext(fields: Fields): string | undefined {
  const end = fields.raw('End');
  if (end !== undefined && end !== true) fields.problem('End', `wanted true, found ${JSON.stringify(end)}`);
  if (fields.has('Next') && fields.has('End')) fields.problem('', 'has both Next and End');
  if (!fields.has('Next') && !fields.has('End')) fields.problem('', 'has neither Next nor End');
  return fields.text('Next', 'optional');
}

function loadAssign(fields: Fields, available: Available): Assign | undefined {
  const template = fields.template('Assign', available);
  if (template === undefined) return undefined;
  const json = fields.raw('Assign');
  if (!isObject(json)) {
    fields.problem('Assign', 'wanted an object of variable names and values');
    return undefined;
  }
  for (const name of Object.keys(json)) {
    const problem = nameProblem(name);
    if (problem !== undefined) fields.problem(`Assign.${name}`, problem);
  }
  return { names: Object.keys(json), template };
}

function nameProblem(name: string): string | undefined {
  if (name === 'states') return '$states belongs to Step Functions';
  if (!VARIABLE.test(name) || name.length > 80) return 'not a variable name: letters, digits and _, at most 80';
  const taken = JSONATA_FUNCTIONS.has(name) || Object.hasOwn(ADDED_FUNCTIONS, name) || name === 'eval';
  return taken ? `$${name} is a JSONata function` : undefined;
}
