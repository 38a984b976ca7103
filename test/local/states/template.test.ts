import { describe, expect, test } from 'vitest';
import { placeholdersIn, renderTemplate } from '../../../src/local/states/template.ts';

const placeholder = (name: string): string => `\${${name}}`;
const text = `{"a": "${placeholder('night_arn')}", "b": ["x-${placeholder('stage')}-${placeholder('night_arn')}"]}`;

describe('renderTemplate', () => {
  test('fills every placeholder, wherever it stands in a string', () => {
    const rendered = renderTemplate(text, { night_arn: 'arn:1', stage: 'dev' });
    expect(JSON.parse(rendered)).toEqual({ a: 'arn:1', b: ['x-dev-arn:1'] });
  });

  test('a value with quotes and line breaks stays inside its string', () => {
    const value = 'a "b"\\\n$& c';
    expect(JSON.parse(renderTemplate(`["${placeholder('v')}"]`, { v: value }))).toEqual([value]);
  });

  test('names missing and unused ones together', () => {
    expect(() => renderTemplate(text, { stage: 'dev', queue: 'q', topic: 't' })).toThrow(
      /no value for night_arn; no placeholder for queue, topic/,
    );
  });

  test.each([
    ['a placeholder outside a string', `{"a": ${placeholder('n')}}`, /not JSON/],
    ['an expression in braces', `{"a": "${placeholder('upper(n)')}"}`, /not a placeholder/],
    ['an open brace', `{"a": "${placeholder('n').slice(0, -1)}"}`, /not a placeholder/],
  ])('%s is refused', (_, broken, message) => {
    expect(() => renderTemplate(broken, { n: '1' })).toThrow(message);
  });
});

test('placeholdersIn names each once, sorted', () => {
  expect(placeholdersIn(text)).toEqual(['night_arn', 'stage']);
});
