import jsonata from 'jsonata';
import { expressionUse, type SyntaxNode } from './expression-scope.ts';
import { StateFailure } from './failure.ts';
import { ADDED_FUNCTIONS } from './functions.ts';

/** A compiled `{% … %}`. */
export interface Expression {
  /** The JSONata text between the marks, trimmed. */
  source: string;
  /** Workflow variables it reads. */
  reads: ReadonlySet<string>;
  /** Members of `$states` it names. */
  members: readonly string[][];
  /** What it yields is a string by its form alone: `$string(…)`, `a & b`, a literal. */
  yieldsString: boolean;
  /** Rejects with JSONata's own error object `{code, message}`; resolves to undefined when it yields nothing. */
  evaluate(bindings: Record<string, unknown>): Promise<unknown>;
}

/** The JSONata text of a `{% … %}` string, or undefined for a literal one. */
export function expressionSource(text: string): string | undefined {
  return text.startsWith('{%') && text.endsWith('%}') && text.length >= 4 ? text.slice(2, -2).trim() : undefined;
}

/** Compiles one expression, once for all its evaluations. Problems are what Step Functions refuses at creation. */
export function compileExpression(source: string): { expression?: Expression; problems: string[] } {
  let compiled: jsonata.Expression;
  try {
    compiled = jsonata(source);
  } catch (error) {
    const { code, message, position } = error as { code?: string; message: string; position?: number };
    return { problems: [`JSONata does not parse (${code ?? 'error'} at ${position ?? 0}): ${message}`] };
  }
  for (const [name, { implementation, signature }] of Object.entries(ADDED_FUNCTIONS)) {
    compiled.registerFunction(name, implementation as (...args: unknown[]) => unknown, signature);
  }
  const ast = compiled.ast() as SyntaxNode;
  const { reads, members, problems } = expressionUse(ast);
  const evaluate = (bindings: Record<string, unknown>): Promise<unknown> => compiled.evaluate(undefined, bindings);
  return { expression: { source, reads, members, yieldsString: yieldsString(ast), evaluate }, problems };
}

/**
 * Evaluates once. Nothing, an error inside JSONata and a value JSON cannot hold are all
 * States.QueryEvaluationError.
 * @param sentence begins the Cause and names expression and field: "The JSONata expression '…' specified …".
 */
export async function evaluateExpression(
  expression: Expression,
  sentence: string,
  bindings: Record<string, unknown>,
): Promise<unknown> {
  let value: unknown;
  try {
    value = await expression.evaluate(bindings);
  } catch (error) {
    const { code, message } = error as { code?: string; message?: string };
    const detail = code === undefined ? `: ${message}` : `. ${code}: ${message}`;
    throw new StateFailure('States.QueryEvaluationError', `${sentence} threw an error during evaluation${detail}`);
  }
  if (value === undefined) {
    throw new StateFailure('States.QueryEvaluationError', `${sentence} returned nothing (undefined).`);
  }
  return plain(value, sentence);
}

/** JSONata's arrays carry flags of its own and may share structure with variables: both are left behind here. */
function plain(value: unknown, sentence: string): unknown {
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return value;
  if (typeof value === 'number' && Number.isFinite(value)) return value;
  if (Array.isArray(value)) return value.map((item) => plain(item, sentence));
  if (typeof value === 'object' && !('_jsonata_function' in value) && !('_jsonata_lambda' in value)) {
    const entries = Object.entries(value).filter(([, item]) => item !== undefined);
    return Object.fromEntries(entries.map(([key, item]) => [key, plain(item, sentence)]));
  }
  const what = typeof value === 'number' ? `the number ${value}` : 'a function';
  throw new StateFailure('States.QueryEvaluationError', `${sentence} returned an unsupported result type: ${what}.`);
}

function yieldsString(node: SyntaxNode | undefined): boolean {
  if (node === undefined) return false;
  if (node.type === 'condition') return yieldsString(node.then) && yieldsString(node.else);
  if (node.type === 'block') return yieldsString(node.expressions?.at(-1));
  if (node.type === 'function') return node.procedure?.type === 'variable' && node.procedure.value === 'string';
  return node.type === 'string' || (node.type === 'binary' && node.value === '&');
}
