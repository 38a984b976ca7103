import { ADDED_FUNCTIONS, JSONATA_FUNCTIONS } from './functions.ts';

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
  /** Members of `$states` it reaches for, as far as they are named: ['context', 'Map', 'Item', 'Value']. */
  members: string[][];
  /** What Step Functions refuses at creation. */
  problems: string[];
}

/** Finds what an expression takes from outside itself. Source of the refusals: AWS's own validation messages. */
export function expressionUse(root: SyntaxNode): ExpressionUse {
  const use: ExpressionUse = { reads: new Set(), members: [], problems: [] };
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
  } else if (!JSONATA_FUNCTIONS.has(name) && !Object.hasOwn(ADDED_FUNCTIONS, name)) {
    use.reads.add(name);
  }
}
