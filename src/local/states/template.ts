import { NamedError } from '../../errors.ts';
import { jsonFrom } from '../../text.ts';
import { compileExpression, type Expression, expressionSource } from './expressions.ts';
import { StateFailure } from './failure.ts';

/**
 * A JSON value of the definition whose strings may be expressions. `field` is the expression's place within its
 * state as Step Functions writes it: 'Arguments/Payload/sessions[0]'.
 */
export type Template =
  | { kind: 'literal'; value: unknown }
  | { kind: 'expression'; field: string; expression: Expression }
  | { kind: 'array'; items: Template[] }
  | { kind: 'object'; entries: [string, Template][] };

/** Told of every problem and every expression while a template is compiled. */
export interface TemplateListener {
  problem(field: string, text: string): void;
  expression(field: string, expression: Expression): void;
}

/** Compiles every expression in `value`; parts without any stay as they are. */
export function compileTemplate(value: unknown, field: string, listener: TemplateListener): Template {
  if (typeof value === 'string') return compileText(value, field, listener);
  if (Array.isArray(value)) {
    const items = value.map((item, index) => compileTemplate(item, `${field}[${index}]`, listener));
    return items.every((item) => item.kind === 'literal') ? { kind: 'literal', value } : { kind: 'array', items };
  }
  if (typeof value === 'object' && value !== null) {
    const entries = Object.entries(value).map(([key, item]): [string, Template] => [
      key,
      compileTemplate(item, `${field}/${key}`, listener),
    ]);
    const constant = entries.every(([, item]) => item.kind === 'literal');
    return constant ? { kind: 'literal', value } : { kind: 'object', entries };
  }
  return { kind: 'literal', value };
}

function compileText(text: string, field: string, listener: TemplateListener): Template {
  const source = expressionSource(text);
  if (source === undefined) return { kind: 'literal', value: text };
  const { expression, problems } = compileExpression(source);
  for (const problem of problems) listener.problem(field, problem);
  if (expression === undefined) return { kind: 'literal', value: text };
  listener.expression(field, expression);
  return { kind: 'expression', field, expression };
}

/** Fills a template. Literals are shared with the definition, everything computed is fresh. */
export async function evaluateTemplate(
  template: Template,
  evaluate: (expression: Expression, field: string) => Promise<unknown>,
): Promise<unknown> {
  switch (template.kind) {
    case 'literal':
      return template.value;
    case 'expression':
      return evaluate(template.expression, template.field);
    case 'array': {
      const items: unknown[] = [];
      for (const item of template.items) items.push(await evaluateTemplate(item, evaluate));
      return items;
    }
    case 'object': {
      const entries: [string, unknown][] = [];
      for (const [key, item] of template.entries) entries.push([key, await evaluateTemplate(item, evaluate)]);
      return Object.fromEntries(entries);
    }
  }
}

/** Bytes of UTF-8 JSON that a state's input, a task's result and a state's output may have. Source: AWS quotas. */
export const PAYLOAD_LIMIT = 262_144;

/**
 * Returns `value` as plain JSON that shares nothing with it, or fails with States.DataLimitExceeded.
 * A value that JSON cannot hold (undefined, a function) becomes null.
 * @param what names the value in the Cause: "The state/task 'Stage Sessions'".
 */
export function boundedCopy(value: unknown, what: string): unknown {
  const text = JSON.stringify(value) ?? 'null';
  refuseOversize(text, what);
  return JSON.parse(text);
}

/** Fails with States.DataLimitExceeded when `value` is larger than PAYLOAD_LIMIT; costs one serialisation. */
export function requireBounded(value: unknown, what: string): void {
  refuseOversize(JSON.stringify(value) ?? 'null', what);
}

function refuseOversize(text: string, what: string): void {
  const bytes = Buffer.byteLength(text);
  if (bytes <= PAYLOAD_LIMIT) return;
  throw new StateFailure(
    'States.DataLimitExceeded',
    `${what} has a size exceeding the maximum number of bytes service limit: ${bytes} bytes, at most ${PAYLOAD_LIMIT}.`,
  );
}

/** What a placeholder looks like: `${stage_session_arn}`. */
const PLACEHOLDER = /\$\{([a-zA-Z][a-zA-Z0-9_]*)\}/g;

/** Names of the placeholders in a text, sorted, each once. */
export function placeholdersIn(text: string): string[] {
  return [...new Set([...text.matchAll(PLACEHOLDER)].map((match) => match[1]!))].sort();
}

/**
 * Fills the placeholders of an ASL file. They stand inside strings only, so the file is JSON before and after.
 * @throws NamedError Config.Invalid, naming placeholders without a value, values without a placeholder, other uses
 *   of `${`, or that the text is not JSON as it lies on disk.
 */
export function renderTemplate(text: string, values: Readonly<Record<string, string>>): string {
  const names = placeholdersIn(text);
  const missing = names.filter((name) => !Object.hasOwn(values, name));
  const unused = Object.keys(values).filter((name) => !names.includes(name));
  const found = [
    ...(missing.length > 0 ? [`no value for ${missing.join(', ')}`] : []),
    ...(unused.length > 0 ? [`no placeholder for ${unused.join(', ')}`] : []),
    ...(text.replace(PLACEHOLDER, '').includes('${') ? ['a ${ that is not a placeholder'] : []),
    ...notJson(text),
  ];
  if (found.length > 0) {
    throw new NamedError('Config.Invalid', {
      what: 'the state machine file cannot be rendered',
      found: found.join('; '),
      wanted: 'JSON with placeholders inside strings only, and one value for each name',
    });
  }
  return text.replace(PLACEHOLDER, (_, name: string) => JSON.stringify(values[name]).slice(1, -1));
}

function notJson(text: string): string[] {
  try {
    jsonFrom(text);
    return [];
  } catch (error) {
    return [`text that is not JSON (${(error as Error).message})`];
  }
}
