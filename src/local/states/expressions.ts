import { createHash, randomUUID } from 'node:crypto';
import jsonata from 'jsonata';
import { jsonFrom } from '../../text.ts';
import { StateFailure } from './failure.ts';

/** A compiled `{% … %}`. */
export interface Expression {
  /** The JSONata text between the marks, trimmed. */
  source: string;
  /** Workflow variables it reads. */
  reads: ReadonlySet<string>;
  /** Functions it calls; a workflow variable of such a name would hide the function. */
  calls: ReadonlySet<string>;
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
  try {
    return compile(source);
  } catch (error) {
    // Also of an expression so deep that whoever walks it runs out of stack.
    const { code, message, position } = error as { code?: string; message: string; position?: number };
    return { problems: [`JSONata does not parse (${code ?? 'error'} at ${position ?? 0}): ${message}`] };
  }
}

function compile(source: string): { expression: Expression; problems: string[] } {
  const compiled = jsonata(source);
  for (const [name, { implementation, signature }] of Object.entries(ADDED_FUNCTIONS)) {
    compiled.registerFunction(name, implementation as (...args: unknown[]) => unknown, signature);
  }
  const ast = compiled.ast() as SyntaxNode;
  const { reads, calls, members, problems } = expressionUse(ast);
  const evaluate = (bindings: Record<string, unknown>): Promise<unknown> => compiled.evaluate(undefined, bindings);
  return { expression: { source, reads, calls, members, yieldsString: yieldsString(ast), evaluate }, problems };
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
  throw new StateFailure('States.QueryEvaluationError', `${sentence} returned an unsupported result type.`);
}

function yieldsString(node: SyntaxNode | undefined): boolean {
  if (node === undefined) return false;
  if (node.type === 'condition') return yieldsString(node.then) && yieldsString(node.else);
  if (node.type === 'block') return yieldsString(node.expressions?.at(-1));
  if (node.type === 'function') return node.procedure?.type === 'variable' && node.procedure.value === 'string';
  return node.type === 'string' || (node.type === 'binary' && node.value === '&');
}

/** The part of JSONata's syntax tree that is walked here (its own types leave most of it `any`). */
export interface SyntaxNode {
  type: string;
  value?: unknown;
  steps?: SyntaxNode[];
  stages?: SyntaxNode[];
  predicate?: SyntaxNode[];
  expr?: SyntaxNode;
  group?: { lhs: [SyntaxNode, SyntaxNode][] };
  lhs?: SyntaxNode | [SyntaxNode, SyntaxNode][];
  rhs?: SyntaxNode;
  expression?: SyntaxNode;
  expressions?: SyntaxNode[];
  arguments?: SyntaxNode[];
  procedure?: SyntaxNode;
  body?: SyntaxNode;
  condition?: SyntaxNode;
  then?: SyntaxNode;
  else?: SyntaxNode;
  pattern?: SyntaxNode;
  update?: SyntaxNode;
  delete?: SyntaxNode;
  terms?: { expression: SyntaxNode }[];
  focus?: string;
  index?: unknown;
}

export interface ExpressionUse {
  /** Workflow variables the expression reads. */
  reads: Set<string>;
  /** Functions of JSONata and of Step Functions it calls. */
  calls: Set<string>;
  /** Members of `$states` it reaches for, as far as they are named: ['context', 'Map', 'Item', 'Value']. */
  members: string[][];
  /** What Step Functions refuses at creation. */
  problems: string[];
}

/** Finds what an expression takes from outside itself. Source of the refusals: AWS's own validation messages. */
export function expressionUse(root: SyntaxNode): ExpressionUse {
  const use: ExpressionUse = { reads: new Set(), calls: new Set(), members: [], problems: [] };
  walk(root, new Set(), false, use);
  return use;
}

/**
 * @param bound names the expression itself binds here.
 * @param context whether there is a context value, so that `$`, `name`, `*` and `**` mean something.
 */
function walk(node: SyntaxNode | undefined, bound: Set<string>, context: boolean, use: ExpressionUse): void {
  if (node === undefined) return;
  switch (node.type) {
    case 'variable':
      variable(String(node.value), bound, context, use);
      break;
    case 'name':
    case 'wildcard':
    case 'descendant':
      if (!context)
        use.problems.push(`a reference to '${node.value}' at the top level; begin with $states or a variable`);
      break;
    case 'path':
      path(node.steps ?? [], bound, context, use);
      break;
    case 'block': {
      const inner = new Set(bound);
      for (const part of node.expressions ?? []) walk(part, inner, context, use);
      break;
    }
    case 'bind': {
      const name = String((node.lhs as SyntaxNode).value);
      if (name === 'states') use.problems.push('$states is assigned');
      // a function may call itself, so its own name counts as bound inside it
      if (node.rhs?.type === 'lambda') bound.add(name);
      walk(node.rhs, bound, context, use);
      bound.add(name);
      break;
    }
    case 'lambda':
      walk(node.body, new Set([...bound, ...(node.arguments ?? []).map((arg) => String(arg.value))]), context, use);
      break;
    case 'transform':
      for (const part of [node.pattern, node.update, node.delete]) walk(part, bound, true, use);
      break;
    default:
      children(node, bound, context, use);
  }
  for (const filter of [...(node.predicate ?? []), ...(node.stages ?? [])]) stage(filter, bound, use);
  for (const pair of node.group?.lhs ?? []) for (const part of pair) walk(part, bound, true, use);
}

function children(node: SyntaxNode, bound: Set<string>, context: boolean, use: ExpressionUse): void {
  const pairs = Array.isArray(node.lhs) ? node.lhs.flat() : [node.lhs];
  const rest = [node.rhs, node.expression, node.procedure, node.condition, node.then, node.else, node.body];
  for (const part of [...pairs, ...rest, ...(node.expressions ?? []), ...(node.arguments ?? [])]) {
    walk(part, bound, context, use);
  }
  for (const term of node.terms ?? []) walk(term.expression, bound, context, use);
}

function path(steps: SyntaxNode[], bound: Set<string>, context: boolean, use: ExpressionUse): void {
  const [first, ...rest] = steps;
  if (first?.type === 'variable' && first.value === 'states' && !bound.has('states')) {
    const end = rest.findIndex((step) => step.type !== 'name');
    use.members.push(rest.slice(0, end < 0 ? rest.length : end).map((step) => String(step.value)));
  }
  const inner = new Set(bound);
  for (const [index, step] of steps.entries()) {
    if (step.focus !== undefined) inner.add(step.focus);
    if (typeof step.index === 'string') inner.add(step.index);
    for (const own of step.stages ?? []) if (own.type === 'index') inner.add(String(own.value));
    walk(step, inner, context || index > 0, use);
  }
}

function stage(node: SyntaxNode, bound: Set<string>, use: ExpressionUse): void {
  if (node.type === 'filter') walk(node.expr, bound, true, use);
}

function variable(name: string, bound: Set<string>, context: boolean, use: ExpressionUse): void {
  if (bound.has(name) || name === 'states') return;
  if (name === '') {
    if (!context) use.problems.push("a reference to '$' at the top level; begin with $states or a variable");
  } else if (name === '$') {
    use.problems.push("a reference to '$$'; begin with $states or a variable");
  } else if (name === 'eval') {
    use.problems.push('$eval, which Step Functions does not have; use $parse');
  } else {
    (isFunctionName(name) ? use.calls : use.reads).add(name);
  }
}

/** A function Step Functions adds to JSONata, with its signature in JSONata's own notation. */
export interface AddedFunction {
  implementation: (...args: never[]) => unknown;
  signature: string;
}

/**
 * The six functions Step Functions adds to JSONata 2.0.6. Source: AWS, "Transforming data with JSONata", and
 * published measurements of edge cases: numbers are cut towards zero; an empty array, a zero chunk, a missing or
 * contrary step and a missing algorithm give nothing; a range of one element is that element.
 */
export const ADDED_FUNCTIONS: Readonly<Record<string, AddedFunction>> = {
  parse: { implementation: parse, signature: '<s:x>' },
  hash: { implementation: hash, signature: '<ss?:s>' },
  uuid: { implementation: () => randomUUID(), signature: '<:s>' },
  range: { implementation: range, signature: '<nnn?:x>' },
  partition: { implementation: partition, signature: '<an?:a>' },
  random: { implementation: random, signature: '<n?:n>' },
};

/** Names JSONata 2.0.6 itself defines, without `eval`, which Step Functions refuses. */
export const JSONATA_FUNCTIONS: ReadonlySet<string> = new Set(
  (
    'sum count max min average string substring substringBefore substringAfter lowercase uppercase length trim pad ' +
    'match contains replace split join formatNumber formatBase formatInteger parseInteger number floor ceil round ' +
    'abs sqrt power random boolean not map zip filter single reduce sift keys lookup append exists spread merge ' +
    'reverse each error assert type sort shuffle distinct base64encode base64decode encodeUrlComponent encodeUrl ' +
    'decodeUrlComponent decodeUrl toMillis fromMillis clone now millis'
  ).split(' '),
);

/** Whether `$name` is a function where no variable has that name. */
export function isFunctionName(name: string): boolean {
  return JSONATA_FUNCTIONS.has(name) || Object.hasOwn(ADDED_FUNCTIONS, name);
}

const DIGESTS: Readonly<Record<string, string>> = {
  MD5: 'md5',
  'SHA-1': 'sha1',
  'SHA-256': 'sha256',
  'SHA-384': 'sha384',
  'SHA-512': 'sha512',
};

function parse(text: string | undefined): unknown {
  if (text === undefined) return undefined;
  try {
    return jsonFrom(text);
  } catch (error) {
    throw new Error(`$parse was given text that is not JSON: ${(error as Error).message}`);
  }
}

function hash(text: string | undefined, algorithm: string | undefined): string | undefined {
  if (text === undefined || algorithm === undefined) return undefined;
  const digest = DIGESTS[algorithm];
  if (digest === undefined) {
    throw { code: 'D3137', message: `$hash knows ${Object.keys(DIGESTS).join(', ')}; found ${algorithm}` };
  }
  return createHash(digest).update(text, 'utf8').digest('hex');
}

/** As many as JSONata's own range operator gives. */
const LONGEST_RANGE = 10_000_000;

function range(start?: number, end?: number, step?: number): number[] | number | undefined {
  if (start === undefined || end === undefined || step === undefined) return undefined;
  const [from, to, by] = [Math.trunc(start), Math.trunc(end), Math.trunc(step)];
  if (by === 0 || (to - from) * by < 0) return undefined;
  const length = Math.floor((to - from) / by) + 1;
  if (length > LONGEST_RANGE) throw { code: 'D2014', message: `$range gives at most ${LONGEST_RANGE} numbers` };
  const values = Array.from({ length }, (_, index) => from + index * by);
  return values.length === 1 ? values[0] : values;
}

function partition(items: unknown[] | undefined, size?: number): unknown[][] | undefined {
  if (items === undefined || items.length === 0) return undefined;
  const chunk = size === undefined ? items.length : Math.trunc(size);
  if (chunk < 0) throw { code: 'D3137', message: 'Second argument must be zero or greater' };
  if (chunk === 0) return undefined;
  const chunks: unknown[][] = [];
  for (let index = 0; index < items.length; index += chunk) chunks.push(items.slice(index, index + chunk));
  return chunks;
}

/** With a seed, java.util.Random's first nextDouble(), which is what Step Functions returns for it. */
function random(seed?: number): number {
  if (seed === undefined) return Math.random();
  const mask = (1n << 48n) - 1n;
  const step = (state: bigint): bigint => (state * 0x5deece66dn + 0xbn) & mask;
  const first = step((BigInt(Math.trunc(seed)) ^ 0x5deece66dn) & mask);
  const second = step(first);
  return (Number(first >> 22n) * 2 ** 27 + Number(second >> 21n)) / 2 ** 53;
}
