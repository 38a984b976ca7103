import { compileExpression, type Expression, expressionSource } from './expressions.ts';

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
  if (source === undefined) {
    // half a pair of marks would travel on as text, and be seen when a vendor or a job receives it
    if (text.trim().startsWith('{%') || text.trim().endsWith('%}')) {
      listener.problem(field, `an expression begins with {% and ends with %}, nothing around it; found "${text}"`);
    }
    return { kind: 'literal', value: text };
  }
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
