import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { deploy, destroy } from '../../scripts/deploy/deploy.ts';
import { type Answer, programs, type Tools } from '../../scripts/deploy/tools.ts';
import { skipped } from '../terraform/tooling.ts';
import { changes, fakeTools, refuses, rootBeginning, rootWith, says } from './deployment.ts';

const root = rootWith();

const OBSTACLES: [string, Record<string, Answer>, RegExp][] = [
  [
    'an expired credential',
    { 'aws sts': refuses('An error occurred (ExpiredToken): the token is expired') },
    /credentials have expired/,
  ],
  ['no credential', { 'aws sts': refuses('Unable to locate credentials') }, /there are no AWS credentials/],
  ['a terraform of old', { 'terraform version': says('{"terraform_version": "1.5.7"}') }, /terraform 1\.5 is too old/],
  ['no terraform', { 'terraform version': { code: 127, stdout: '', stderr: '' } }, /terraform is not installed/],
  [
    'no docker',
    { 'docker buildx version': { code: 127, stdout: '', stderr: 'docker is not installed' } },
    /docker is not installed; .*docs\.docker\.com\/get-docker/,
  ],
  [
    'a docker without its plug-in',
    { 'docker buildx version': refuses("docker: 'buildx' is not a docker command") },
    /docker is there, but its plug-in buildx is not installed \(.*not a docker command\): .*buildx#installing/,
  ],
  [
    'a profile that is not there',
    { 'aws sts': refuses('The config profile (nothere) could not be found') },
    /The config profile \(nothere\) could not be found: name another in AWS_PROFILE/,
  ],
  [
    'no network',
    { 'aws sts': refuses('Could not connect to the endpoint URL: "https://sts.us-east-1.amazonaws.com/"') },
    /AWS cannot be reached: Could not connect to the endpoint URL/,
  ],
  [
    'a daemon that is not running',
    { 'docker version': refuses('Cannot connect to the Docker daemon at unix:///var/run/docker.sock.') },
    /the Docker daemon is not running, or not yours to use: Cannot connect to the Docker daemon/,
  ],
  [
    'a builder without arm64',
    {
      'docker buildx inspect': says('Platforms: linux/amd64\n'),
      'docker buildx build --platform linux/arm64 --output type=cacheonly -': refuses('ERROR: no match for platform'),
    },
    /builder does not build for linux\/arm64 \(ERROR: no match for platform\).*docker buildx create --use/,
  ],
  [
    'a bucket for the state that is somebody else’s',
    { 'aws s3api head-bucket': refuses('An error occurred (403) when calling the HeadBucket operation: Forbidden') },
    /the bucket afterbell-state-123456789012-us-east-1 for Terraform's state is not this account's/,
  ],
  [
    'a region without Fargate',
    { 'aws ssm': says(['batch', 'lambda', 'stepfunctions', 'ecr', 'rds', 'dynamodb', 'secretsmanager']) },
    /region us-east-1 lacks fargate/,
  ],
  [
    'a region without this Aurora',
    { 'aws rds': says(['16.2', '15.10']) },
    /lacks Aurora PostgreSQL 16 Serverless that can pause \(16\.3 or later\); it has 16\.2/,
  ],
  [
    'an account whose roles nobody may see',
    { 'aws iam get-role': refuses('An error occurred (AccessDenied)') },
    /it cannot be seen whether the account has AWSServiceRoleForBatch/,
  ],
];

test.each(OBSTACLES)('%s is named before anything is changed', async (_, answers, words) => {
  const { tools, calls } = fakeTools(answers);
  await expect(deploy('dev', { root, tools, yes: true })).rejects.toThrow(words);
  expect(changes(calls)).toEqual([]);
});

test('missing programs and missing credentials are reported together, each command in its own words', async () => {
  const answers = {
    'docker version': refuses('Cannot connect'),
    'terraform version': { code: 127, stdout: '', stderr: '' },
    'aws sts': refuses('Unable to locate credentials'),
  };
  const run = { root, tools: fakeTools(answers).tools, yes: true };
  const told = /dev cannot be deployed[\s\S]*terraform is not[\s\S]*the Docker daemon[\s\S]*no AWS credentials/;
  await expect(deploy('dev', run)).rejects.toThrow(told);
  await expect(destroy('dev', run)).rejects.toThrow(/dev cannot be destroyed[\s\S]*no AWS credentials/);
});

test('several obstacles are reported together', async () => {
  const { tools } = fakeTools({ 'aws ssm': says([]), 'aws rds': says([]) });
  await expect(deploy('dev', { root, tools, yes: true })).rejects.toThrow(/lacks batch, fargate[\s\S]*lacks Aurora/);
});

test('a role that may not ask about the region deploys all the same, and is told', async () => {
  const { tools, lines } = fakeTools({ 'aws ssm': refuses('AccessDenied') });
  await deploy('dev', { root, tools, yes: true });
  expect(lines.join('\n')).toContain('Not checked: which services us-east-1 has');
});

test('a stage that would notify nobody is not deployed, unless the file says nobody', async () => {
  const left = fakeTools();
  const silent = { root: rootWith('notify_emails = [] # ["you@example.com"]'), tools: left.tools, yes: true };
  await expect(deploy('dev', silent)).rejects.toThrow(
    /nobody would be notified of a failed night: set notify_emails = \["you@example.com"\] in terraform\/environments\/dev.tfvars, or \["nobody"\]/,
  );
  expect(changes(left.calls)).toEqual([]);
  const { tools, lines } = fakeTools();
  await deploy('dev', { root: rootWith('notify_emails = ["nobody"]'), tools, yes: true });
  expect(lines.join('\n')).toContain('Nobody is notified of failed or held nights');
});

test('a comment in a stage’s file is no setting: what it protects stays, and its region is where it was', async () => {
  const { tools, calls } = fakeTools();
  const commented = rootBeginning('prod', '# protect = false in dev\n/* protect = false */ // protect = false');
  await expect(destroy('prod', { root: commented, tools, yes: true })).rejects.toThrow('prod is protected');
  expect(calls).toEqual([]);
  const other = rootBeginning('dev', '# region = "eu-west-1" later\ntags = { region = "eu-west-1", protect = "true" }');
  await deploy('dev', { root: other, tools, yes: true });
  expect(calls.filter((line) => line.includes('eu-west-1'))).toEqual([]);
});

test('what Terraform would say of a stage’s file is told before anything is changed', async () => {
  const diagnostic = (severity: string, detail: string, line?: number) =>
    JSON.stringify({ diagnostic: { severity, summary: '', detail, range: line && { start: { line } } } });
  const plan = [
    'There are some problems with the CLI configuration:',
    diagnostic(
      'warning',
      'The root module does not declare a variable named "log_levle" but a value was found in file',
    ),
    diagnostic('error', 'notify_emails: wanted e-mail addresses, or only "nobody".\n\nThis was checked by …', 5),
  ];
  const { tools, calls } = fakeTools({ 'terraform plan -json': { code: 1, stdout: plan.join('\n'), stderr: '' } });
  const told =
    /dev\.tfvars: log_levle is no setting of a stage[\s\S]*dev\.tfvars, line 5: notify_emails: wanted e-mail addresses, or only "nobody"\.$/m;
  await expect(deploy('dev', { root, tools, yes: true })).rejects.toThrow(told);
  await expect(destroy('dev', { root, tools, yes: true })).rejects.toThrow(told);
  expect(changes(calls)).toEqual([]);
  expect(calls.join('\n')).not.toContain('create-bucket');
});

const hasTerraform = programs.ask('terraform', ['version']).then(({ code }) => code === 0);
const WRONG: [line: string, words: RegExp][] = [
  ['notify_emails = ["notanaddress"]', /line \d+: notify_emails: wanted e-mail addresses/],
  ['notify_emails = ["ops@example.com"]\nlog_levle = "DEBUG"', /log_levle is no setting of a stage/],
  ['notify_emails = ["ops@example.com"]\nlog_retention_day = 3', /log_retention_day is no setting/],
  ['notify_emails = ["ops@example.com"]\nsettings = { SYMBOL = "3" }', /settings: wanted names from \.env\.example/],
  ['notify_emails = ["you@example.com"]', /you@example\.com in .*dev\.tfvars is nobody's address/],
];

test.for(WRONG)('Terraform itself judges the file before the deployment: %s', async ([line, words], { skip }) => {
  if (!(await hasTerraform)) {
    skipped('terraform is not installed');
    return skip();
  }
  const { tools, calls } = fakeTools();
  const ask: Tools['ask'] = (command, args, options) =>
    args.includes('-json') && args[0] === 'plan'
      ? programs.ask(command, args, options)
      : tools.ask(command, args, options);
  const deployed = deploy('dev', { root: rootWith(line), tools: { ...tools, ask }, yes: true });
  await expect(deployed).rejects.toThrow(words);
  expect(changes(calls)).toEqual([]);
});

test('a missing quotation mark is reported with its line', async () => {
  const { tools, calls } = fakeTools();
  const own = rootWith();
  writeFileSync(join(own, 'terraform/environments/dev.tfvars'), '# dev\nstage = "dev\nnotify_emails = ["nobody"]\n');
  await expect(deploy('dev', { root: own, tools, yes: true })).rejects.toThrow(
    /terraform\/environments\/dev\.tfvars cannot be read; found line 2: stage = "dev; wanted a closing quotation mark/,
  );
  expect(calls).toEqual([]);
});

test('a stage without a file is refused with those there are', async () => {
  await expect(deploy(undefined, { root, tools: fakeTools().tools, yes: true })).rejects.toThrow(
    'wanted dev, prod, try',
  );
});
