import { afterAll, beforeAll, expect, test } from 'vitest';
import { TABLES } from '../../src/tables/definitions.ts';
import { HANGS_MS } from '../limits.ts';
import { openTerraform, skipped, type Terraform } from './tooling.ts';

let terraform: Terraform | undefined;

beforeAll(async () => {
  const found = await openTerraform();
  if (!found.terraform) skipped(`the Terraform tests, ${found.why}`);
  terraform = found.terraform;
}, HANGS_MS);

afterAll(() => terraform?.close());

async function passes(...args: string[]): Promise<string> {
  const { code, output } = await terraform!.run(args);
  expect(code, output).toBe(0);
  return output;
}

test(
  'the configuration is formatted and valid',
  async ({ skip }) => {
    if (!terraform) return skip();
    await passes('fmt', '-check', '-recursive', '-diff', '-no-color');
    await passes('validate', '-no-color');
  },
  HANGS_MS,
);

test(
  'names, protection, policies, wiring and refusals are as tests/*.tftest.hcl say',
  async ({ skip }) => {
    if (!terraform) return skip();
    const output = await passes('test', '-no-color');
    expect(output).toMatch(/Success! \d+ passed, 0 failed/);
  },
  HANGS_MS,
);

test(
  'the roles for GitHub are as github/tests/*.tftest.hcl say',
  async ({ skip }) => {
    const { terraform: github } = await openTerraform({ under: 'github' });
    if (!github) return skip();
    const { code, output } = await github.run(['test', '-no-color']);
    github.close();
    expect(code, output).toBe(0);
    expect(output).toMatch(/Success! \d+ passed, 0 failed/);
  },
  HANGS_MS,
);

test(
  'tables have the keys and indexes that a laptop creates',
  async ({ skip }) => {
    if (!terraform) return skip();
    const expression = 'nonsensitive(jsonencode(local.tables))\n';
    const { code, output } = await terraform.run(['console', '-no-color', '-var=stage=dev', '-var=protect=false'], {
      input: expression,
    });
    expect(code, output).toBe(0);
    const deployed = JSON.parse(JSON.parse(output.trim()) as string) as Record<string, object>;
    const defined = Object.entries(TABLES).map(([name, table]) => [
      name,
      {
        hash: table.key,
        ...('range' in table ? { range: table.range } : {}),
        indexes: Object.fromEntries(table.indexes.map((index) => [index.name, [index.hash, index.range]])),
      },
    ]);
    expect(deployed).toEqual(Object.fromEntries(defined));
  },
  HANGS_MS,
);
