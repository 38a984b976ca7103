import { isObject, type Problem } from './fields.ts';

/** Any use of `${`, up to its closing brace. */
const INTERPOLATION = /\$\{[^}]*\}?/g;
const PLACEHOLDER = /^\$\{[a-zA-Z][a-zA-Z0-9_]*\}$/;

/** Rules for the strings and keys of a definition, wherever they stand. */
export function lintText(definition: unknown): Problem[] {
  const found: Problem[] = [];
  visit(definition, '', (text, place, key) => {
    const add = (problem: string): void => void found.push({ place, text: problem });
    // Terraform's templatefile reads %{ as a directive of its own
    if (text.includes('%{')) add('%{ is a Terraform directive; put a space after {%');
    if (key) {
      if (text.endsWith('.$')) add('a key that ends in .$ is JSONPath');
      if (text.includes('${')) add('a placeholder stands in values, never in keys');
      return;
    }
    for (const [use] of text.matchAll(INTERPOLATION)) {
      if (!PLACEHOLDER.test(use)) add(`${use} is not a placeholder; wanted \${name}`);
    }
    if (text.startsWith('{%') && !/^\{%\s[\s\S]*\s%\}$/.test(text)) add('wanted a space after {% and before %}');
  });
  return found;
}

function visit(value: unknown, place: string, see: (text: string, place: string, key: boolean) => void): void {
  if (typeof value === 'string') see(value, place, false);
  if (Array.isArray(value)) for (const [index, item] of value.entries()) visit(item, `${place}[${index}]`, see);
  if (!isObject(value)) return;
  for (const [key, item] of Object.entries(value)) {
    const inner = place === '' ? key : `${place}.${key}`;
    see(key, inner, true);
    visit(item, inner, see);
  }
}
