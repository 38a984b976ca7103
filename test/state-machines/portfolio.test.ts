import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { lintMachine } from '../../scripts/lint-asl.ts';
import { loadMachine } from '../../src/local/states/load.ts';
import { placeholdersIn, renderTemplate } from '../../src/local/states/template.ts';

const text = readFileSync(new URL('../../state-machines/portfolio.asl.json', import.meta.url), 'utf8');
const rendered = JSON.parse(
  renderTemplate(text, Object.fromEntries(placeholdersIn(text).map((name) => [name, `arn-of-${name}`]))),
);

test('the portfolio machine loads: nothing in it is unknown to the engine', () => {
  expect(() => loadMachine(rendered, { name: 'portfolio' })).not.toThrow();
});

test('the portfolio machine passes the lint', () => {
  expect(lintMachine(rendered)).toEqual([]);
});
