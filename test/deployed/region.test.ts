import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { openContext } from '../../src/cli/context.ts';
import { readEnvFile } from '../../src/config.ts';
import { findRegion } from '../../src/deployed/stage.ts';
import { readTfvars } from '../../src/deployed/tfvars.ts';
import { temporaryFolder } from '../local/programs.ts';

let root = '';
const stageFile = (text: string) => writeFileSync(join(root, 'terraform/environments/dev.tfvars'), text);

beforeEach(() => {
  root = temporaryFolder();
  mkdirSync(join(root, 'terraform/environments'), { recursive: true });
  writeFileSync(join(root, 'terraform/variables.tf'), 'variable "region" {\n  default = "us-east-1"\n}\n');
  for (const name of ['AWS_REGION', 'AWS_DEFAULT_REGION', 'AWS_PROFILE']) vi.stubEnv(name, undefined);
  vi.stubEnv('AWS_CONFIG_FILE', join(root, 'config'));
  vi.stubEnv('AWS_SHARED_CREDENTIALS_FILE', join(root, 'credentials'));
});
afterEach(() => {
  vi.unstubAllEnvs();
});

/** Where clients then look for stage dev. */
async function region(): Promise<string | undefined> {
  await findRegion('dev', root);
  return process.env.AWS_REGION;
}

test('without a region anywhere a stage is looked for where its file deploys it', async () => {
  stageFile('# region = "ap-south-1"\nregion = "eu-west-1"\n');
  expect(await region()).toBe('eu-west-1');
});

test('a stage whose file names no region is where variables.tf puts it', async () => {
  stageFile('stage = "dev"\n');
  expect(await region()).toBe('us-east-1');
});

test('AWS_REGION goes before AWS_DEFAULT_REGION, that before the profile, and the profile before the file', async () => {
  stageFile('region = "eu-west-1"\n');
  writeFileSync(join(root, 'config'), '[profile mine]\nregion = eu-central-1\n');
  vi.stubEnv('AWS_PROFILE', 'mine');
  expect(await region()).toBeUndefined();
  vi.stubEnv('AWS_DEFAULT_REGION', 'eu-north-1');
  expect(await region()).toBe('eu-north-1');
  vi.stubEnv('AWS_REGION', 'eu-south-1');
  expect(await region()).toBe('eu-south-1');
});

test('a stage without a file, as where the package is installed, has no region of its own', async () => {
  expect(await region()).toBeUndefined();
});

test('a command with --stage in a checkout asks AWS without a region of the user’s', async () => {
  vi.stubEnv('MODE', undefined);
  // Nobody listens there.
  vi.stubEnv('AWS_ENDPOINT_URL', 'http://127.0.0.1:9');
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'AKIAIOSFODNN7EXAMPLE');
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'x');
  vi.stubEnv('AWS_MAX_ATTEMPTS', '1');
  const { signal } = new AbortController();
  const asked = openContext({ stage: 'dev' }, { signal, unread: signal });
  await expect(asked).rejects.toThrow(/ECONNREFUSED|connect/);
  expect(process.env.AWS_REGION).toBe('us-east-1');
});

test('a region in .env is a setting of AWS, and no misspelt one of ours', () => {
  const file = join(root, '.env');
  writeFileSync(file, 'AWS_REGION=eu-west-1\nAWS_DEFAULT_REGION=eu-west-1\nAWS_REGIO=x\n');
  vi.stubEnv('AWS_REGIO', undefined);
  expect(readEnvFile(file).unknown).toEqual(['AWS_REGIO']);
});

test('tfvars are read with comments, escapes, lists and objects', () => {
  const text = [
    '# a = "1"',
    'a = "two # no \\"comment\\"" // b = 1',
    'list = [ # first',
    '  "x", /* "y", */ "z",',
    ']',
    'map = { inner = "1", "quoted": true',
    '  many = [] }',
    'number = 14',
  ].join('\n');
  expect(readTfvars(text, 'dev.tfvars')).toEqual({
    a: 'two # no "comment"',
    list: ['x', 'z'],
    map: { inner: '1', quoted: 'true', many: [] },
    number: '14',
  });
});

test.each([
  ['a = "1\nb = 2', 'line 1: a = "1; wanted a closing quotation mark'],
  ['a = [1 2]', 'line 1: a = [1 2]; wanted a comma or a closing ]'],
  ['a = {\n b = 1\n', 'line 3: the end of the file; wanted a closing }'],
  ['\na', 'line 2: a; wanted name = value'],
  ['a = 1\na = 2', 'line 2: a = 2; wanted a once'],
  ['a = <<EOT\nb\nEOT', 'line 1: a = <<EOT; wanted a value'],
])('an unreadable tfvars file is refused with the line: %j', (text, words) => {
  expect(() => readTfvars(text, 'dev.tfvars')).toThrow(`dev.tfvars cannot be read; found ${words}`);
});
