import { expect, test } from 'vitest';
import { deploy } from '../../scripts/deploy/deploy.ts';
import { readPractice } from '../../scripts/deploy/practice.ts';
import type { Answer } from '../../scripts/deploy/tools.ts';
import { ACCOUNT, changes, EMPTY, fakeTools, MARKET, refuses, rootWith, says } from './deployment.ts';

const root = rootWith();

test('a stage for practice data is not deployed as a real one because PRACTICE=1 was forgotten', async () => {
  const { tools, calls } = fakeTools();
  await expect(deploy('try', { root, tools, yes: true })).rejects.toThrow(
    /try is a practice stage, and PRACTICE=1 is missing[\s\S]*make deploy STAGE=try PRACTICE=1/,
  );
  expect(calls).toEqual([]);
});

test('PRACTICE=1 first checks the permissions its night needs, on resources that cannot exist', async () => {
  const { tools, calls } = fakeTools({
    ...EMPTY,
    'aws stepfunctions start-execution': refuses('An error occurred (AccessDeniedException): not authorized'),
    'aws dynamodb scan': refuses('An error occurred (ResourceNotFoundException)'),
  });
  await expect(deploy('try', { root, tools, yes: true, practice: true })).rejects.toThrow(
    /lack states:StartExecution: attach terraform\/operator-policy\.json/,
  );
  expect(changes(calls)).toEqual([]);
  const starts = calls.filter((line) => line.includes('start-execution'));
  expect(starts).toEqual([expect.stringContaining(`:${ACCOUNT}:stateMachine:afterbell-try-preflight`)]);
});

test('a practice stage is deployed with its market, gets keys of no worth, runs a night at once and prints its links', async () => {
  const { tools, calls, lines, inputs } = fakeTools(EMPTY);
  await deploy('try', { root, tools, yes: true, practice: true });
  const applies = calls.filter((line) => line.startsWith('terraform apply'));
  expect(applies).toHaveLength(2);
  expect(applies.filter((line) => !line.endsWith('-var=practice=true'))).toEqual([]);
  const keys = calls.filter((line) => line.startsWith('aws secretsmanager put-secret-value'));
  expect(keys).toHaveLength(4);
  expect(keys.filter((line) => !line.endsWith('--secret-string file:///dev/stdin'))).toEqual([]);
  expect(inputs).toEqual(expect.arrayContaining(['{"apiKey":"practice"}']));
  const shown = calls.filter((line) => line.startsWith('env AWS_REGION=us-east-1'));
  expect(shown.map((line) => /afterbell\.mjs (.*)$/.exec(line)?.[1])).toEqual([
    'night --stage try',
    'status --stage try',
  ]);
  const text = lines.join('\n');
  expect(text).toContain('#/statemachines/view/arn:aws:states:us-east-1:1:stateMachine:afterbell-try-nightly');
  expect(text).toContain('https://console/dashboard');
  expect(text).toContain('make destroy STAGE=try');
});

test('a first night that does not end well ends the deployment with an error, after its status and links', async () => {
  const { tools, lines } = fakeTools(EMPTY, { env: 4 });
  await expect(deploy('try', { root, tools, yes: true, practice: true })).rejects.toThrow('The first night of try');
  expect(lines.join('\n')).toContain('make destroy STAGE=try');
});

test('a practice stage is deployed again', async () => {
  const { tools, calls } = fakeTools({ ...EMPTY, ...MARKET });
  await deploy('try', { root, tools, yes: true, practice: true });
  expect(calls.filter((line) => line.includes('describe-secret'))).toEqual([]);
});

const MIXTURES: [string, string, boolean, Record<string, Answer>, RegExp][] = [
  [
    'practice on a lake of real data',
    'dev',
    true,
    { ...EMPTY, 'aws s3 cp': says('{"kind":"real"}') },
    /dev is a real stage[\s\S]*a lake of real data/,
  ],
  [
    'practice on a stage with real keys',
    'dev',
    true,
    { ...EMPTY, 'aws secretsmanager describe-secret': says({ version: ['AWSCURRENT'] }) },
    /dev is a real stage[\s\S]*keys of polygon/,
  ],
  ['practice on a protected stage', 'prod', true, EMPTY, /prod is protected[\s\S]*make deploy STAGE=try PRACTICE=1/],
  [
    'practice where nobody may see what the stage holds',
    'dev',
    true,
    { ...EMPTY, 'aws s3 cp': refuses('An error occurred (403): Forbidden') },
    /it cannot be seen whether afterbell-dev-lake-123456789012 holds real data/,
  ],
  ['real data on a practice stage', 'try', false, MARKET, /try is a practice stage[\s\S]*PRACTICE=1/],
  ['real data on a stage that became a practice one', 'dev', false, MARKET, /dev is a practice stage[\s\S]*PRACTICE=1/],
  [
    'real data on a lake of practice data',
    'dev',
    false,
    { 'aws s3 cp': says('{"kind":"practice"}') },
    /dev is a practice stage[\s\S]*a lake of practice data/,
  ],
];

test.each(MIXTURES)('%s is refused before anything is changed', async (_, stage, practice, answers, words) => {
  const { tools, calls } = fakeTools(answers);
  const deployed = deploy(stage, { root, tools, yes: true, practice });
  await expect(deployed).rejects.toThrow(words);
  await expect(deployed).rejects.toMatchObject({ name: expect.stringMatching(/^(Usage|Config)\.Invalid$/) });
  expect(changes(calls)).toEqual([]);
});

test('PRACTICE is 1 or left out', () => {
  expect([undefined, '', '1'].map(readPractice)).toEqual([false, false, true]);
  for (const value of ['2', '0', 'yes']) expect(() => readPractice(value)).toThrow(`PRACTICE=${value}`);
});
