import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { checkAws } from '../../scripts/check-aws/check-aws.ts';
import { policiesOf } from '../../scripts/check-aws/policies.ts';
import { type Answer, programs, type Tools } from '../../scripts/deploy/tools.ts';
import { temporaryFolder } from '../local/programs.ts';
import { openAwsAnswers } from './aws-answers.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const LAMBDA = 'arn:aws:states:::lambda:invoke';
const pass = { Type: 'Pass', End: true };
const machineOf = (States: object) => ({ QueryLanguage: 'JSONata', StartAt: Object.keys(States)[0], States });
const looped = machineOf({
  Ask: {
    Type: 'Task',
    Resource: LAMBDA,
    Arguments: { FunctionName: 'arn:<partition>:lambda:<region>:1:function:f' },
    Assign: { status: '{% $states.result.Payload.status %}' },
    Retry: [{ ErrorEquals: ['Busy'], MaxAttempts: 1 }],
    Catch: [{ ErrorEquals: ['Broken'], Output: '{% $states.errorOutput.Error %}', Next: 'Done' }],
    Next: 'Done?',
  },
  'Done?': { Type: 'Choice', Choices: [{ Condition: "{% $status = 'done' %}", Next: 'Done' }], Default: 'Ask' },
  Done: { Type: 'Succeed' },
});
const status = (text: string) => ({ result: { Payload: { status: text } } });
const CASES = [
  {
    id: 'loop',
    machine: looped,
    tasks: { Ask: [status('no'), { error: 'Busy' }, { $shared: 'done' }] },
    expected: { status: 'SUCCEEDED', output: { Payload: { status: 'done' } } },
  },
  {
    id: 'caught',
    machine: looped,
    tasks: { Ask: [{ error: 'Broken' }] },
    expected: { status: 'SUCCEEDED', output: 'Broken' },
  },
  {
    id: 'map',
    machine: machineOf({ M: { Type: 'Map', ItemProcessor: { StartAt: 'A', States: { A: pass } }, End: true } }),
    expected: { status: 'SUCCEEDED' },
  },
  { id: 'valid', kind: 'validation', machine: machineOf({ A: pass }), expected: 'accept' },
  { id: 'invalid', kind: 'validation', machine: machineOf({ A: { Type: 'Pass', Next: 'B' } }), expected: 'refuse' },
];
const policy = (Action: string) =>
  JSON.stringify({ Version: '2012-10-17', Statement: { Effect: 'Allow', Action, Resource: '*' } });
const shown = (action: string) => ({
  planned_values: {
    root_module: {
      resources: [
        {
          address: 'aws_iam_role_policy.a',
          type: 'aws_iam_role_policy',
          mode: 'managed',
          values: { policy: policy(action) },
        },
        { address: 'aws_iam_role_policy.b', type: 'aws_iam_role_policy', mode: 'managed', values: {} },
        { address: 'data.aws_iam_policy_document.x', type: 'aws_iam_policy', mode: 'data', values: { policy: '{' } },
      ],
      child_modules: [
        {
          resources: [
            {
              address: 'module.m.aws_sns_topic_policy.t',
              type: 'aws_sns_topic_policy',
              values: { policy: policy('sns:Publish') },
            },
          ],
        },
      ],
    },
  },
});

let answers: Awaited<ReturnType<typeof openAwsAnswers>> | undefined;
const said: string[] = [];
/** Terraform has no plan; the aws command line answers which versions of Aurora the region has. */
const toolsOf = (aurora: Answer): Tools => ({
  say: (line) => void said.push(line),
  ask: async (command) => (command === 'aws' ? aurora : { code: 1, stdout: '', stderr: 'Error: no' }),
  show: async () => 1,
});
const versions = (...names: string[]): Answer => ({ code: 0, stdout: JSON.stringify(names), stderr: '' });
const HERE = { root, stage: 'dev', tools: toolsOf(versions('15.7', '16.6')), client: { disableHostPrefix: true } };

beforeEach(() => {
  said.length = 0;
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await answers?.close();
  answers = undefined;
});

function casesOf(cases: object[] = CASES): string {
  const folder = temporaryFolder();
  const shared = { values: { done: status('done') } };
  const whole = cases.map((one) => ({ variant: 'as-is', kind: 'execution', input: {}, ...one }));
  writeFileSync(join(folder, 'aws-recorded.json'), JSON.stringify({ shared, cases: whole }));
  return folder;
}

async function open(changes?: Parameters<typeof openAwsAnswers>[0]): Promise<void> {
  answers = await openAwsAnswers(changes);
  vi.stubEnv('AWS_ENDPOINT_URL', answers.url);
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'AKIAIOSFODNN7EXAMPLE');
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'x');
}

test('AWS is asked about machines, recorded cases, policies and the database, and agrees', async () => {
  await open();
  const right = await checkAws({ ...HERE, cases: casesOf(), shown: shown('s3:GetObject') });
  expect(said).toEqual([
    'State machines (ValidateStateMachineDefinition): 3 right, 0 wrong',
    expect.stringMatching(/^Recorded cases .*: 4 right, 0 wrong; 1 not asked: TestState takes no Map/),
    expect.stringMatching(/^Policies .*: 4 right, 0 wrong; 1 are known only after .*aws_iam_role_policy\.b/),
    'Warehouse (DescribeOrderableDBInstanceOptions): 1 right, 0 wrong',
  ]);
  expect(right).toBe(true);
  expect(answers!.asked.filter((action) => action === 'TestState')).toHaveLength(8);
});

test('what AWS sees otherwise is named, and the check fails', async () => {
  await open();
  const other = { ...CASES[1], expected: { status: 'FAILED', error: 'Broken' } };
  const right = await checkAws({
    ...HERE,
    tools: toolsOf(versions('16.2', '99.9')),
    cases: casesOf([other]),
    shown: shown('s3:Get Object'),
  });
  expect(right).toBe(false);
  expect(said.join('\n')).toMatch(/as-is caught: recorded .*FAILED.*AWS answers .*SUCCEEDED/);
  expect(said.join('\n')).toMatch(/aws_iam_role_policy\.a\.policy: INVALID_ACTION/);
  expect(said.join('\n')).toMatch(/lacks Aurora PostgreSQL 16 Serverless that can pause .* it has 16\.2:/);
});

test('a machine with several mistakes, or refused without a reason, is one wrong machine', async () => {
  const mistake = { severity: 'ERROR', code: 'MISSING_TRANSITION_TARGET', message: 'no', location: '/States/A' };
  for (const diagnostics of [[], [mistake], [mistake, mistake]]) {
    said.length = 0;
    await open({ validation: { result: 'FAIL', diagnostics, truncated: false } });
    expect(await checkAws({ ...HERE, cases: casesOf([]), shown: {} })).toBe(false);
    expect(said[0]).toBe('State machines (ValidateStateMachineDefinition): 0 right, 3 wrong');
    expect(said).toContainEqual(expect.stringMatching(/^ {2}- nightly\.asl\.json: /));
    await answers!.close();
  }
  answers = undefined;
});

test('a database that AWS was not asked about is neither right nor wrong', async () => {
  await open();
  const tools = toolsOf({ code: 254, stdout: '', stderr: 'An error occurred (AccessDenied)' });
  await checkAws({ ...HERE, tools, cases: casesOf([]), shown: {} });
  expect(said.at(-1)).toBe(
    'Warehouse (DescribeOrderableDBInstanceOptions): 0 right, 0 wrong; not checked: which Aurora versions us-east-1 has (An error occurred (AccessDenied))',
  );
});

test('without credentials one line says that nothing was asked', async () => {
  for (const name of ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_PROFILE']) vi.stubEnv(name, '');
  for (const name of ['AWS_CONFIG_FILE', 'AWS_SHARED_CREDENTIALS_FILE']) vi.stubEnv(name, '/dev/null');
  vi.stubEnv('AWS_EC2_METADATA_DISABLED', 'true');
  expect(await checkAws({ ...HERE, cases: casesOf() })).toBe(true);
  expect(said).toEqual([expect.stringMatching(/^SKIPPED: make check-aws asks AWS itself/)]);
});

test('a stage that is not there is refused in a sentence, not with a trace', async () => {
  const { code, stderr } = await programs.ask('node', ['scripts/check-aws.mjs', 'nothere'], { cwd: root });
  expect(code).toBe(2);
  expect(stderr.trim()).toMatch(
    /^Usage\.Invalid: STAGE names no environment; found nothere; wanted dev, prod, try\b.*$/,
  );
});

test('every policy of a plan or a state is found, and what is not known yet is named', () => {
  const { policies, unknown } = policiesOf(shown('s3:GetObject'));
  expect(policies.map(({ place, type }) => [place, type])).toEqual([
    ['aws_iam_role_policy.a.policy', 'IDENTITY_POLICY'],
    ['module.m.aws_sns_topic_policy.t.policy', 'RESOURCE_POLICY'],
  ]);
  expect(unknown).toEqual(['aws_iam_role_policy.b.policy']);
});
