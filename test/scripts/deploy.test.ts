import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { deploy, destroy, images } from '../../scripts/deploy/deploy.ts';
import type { Answer, Tools } from '../../scripts/deploy/tools.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const ACCOUNT = '123456789012';
const REGISTRY = `${ACCOUNT}.dkr.ecr.us-east-1.amazonaws.com`;

const says = (stdout: unknown): Answer => ({
  code: 0,
  stdout: typeof stdout === 'string' ? stdout : JSON.stringify(stdout),
  stderr: '',
});
const refuses = (stderr: string): Answer => ({ code: 254, stdout: '', stderr });

/** A healthy account: the key that a command line begins with answers. */
const HEALTHY: Record<string, Answer> = {
  'terraform version': says('{"terraform_version": "1.11.4"}'),
  'terraform output -json repositories': says({
    consolidator: `${REGISTRY}/afterbell-dev-consolidator`,
    resampler: `${REGISTRY}/afterbell-dev-resampler`,
  }),
  'terraform output -json secrets': says({
    polygon: 'aws secretsmanager put-secret-value --secret-id afterbell-dev/polygon',
  }),
  'terraform output -raw dashboard': says('https://console/dashboard'),
  'aws sts get-caller-identity': says({ Account: ACCOUNT }),
  'aws ssm get-parameters-by-path': says([
    'batch',
    'fargate',
    'lambda',
    'stepfunctions',
    'ecr',
    'rds',
    'dynamodb',
    'secretsmanager',
  ]),
  'aws rds describe-orderable-db-instance-options': says(['15.10', '16.4', '16.6']),
  'aws ecr get-login-password': says('password'),
};

function fake(answers: Record<string, Answer> = {}, exits: Record<string, number> = {}) {
  const calls: string[] = [];
  const lines: string[] = [];
  const inputs: (string | undefined)[] = [];
  const find = <T>(table: Record<string, T>, line: string) =>
    Object.entries(table).find(([head]) => line.startsWith(head))?.[1];
  const tools: Tools = {
    async ask(command, args, { input } = {}) {
      const line = [command, ...args].join(' ');
      calls.push(line);
      inputs.push(input);
      return find(answers, line) ?? find(HEALTHY, line) ?? says('');
    },
    async show(command, args) {
      const line = [command, ...args].join(' ');
      calls.push(line);
      return find(exits, line) ?? 0;
    },
    say: (line) => void lines.push(line),
  };
  return { tools, calls, lines, inputs };
}

const CHANGES = /create|put-|apply|destroy|init|buildx build|login /;
const changes = (calls: readonly string[]) => calls.filter((line) => CHANGES.test(line));

test('a new account gets state, service roles, repositories, images and then the rest', async () => {
  const { tools, calls, lines, inputs } = fake({
    'aws s3api head-bucket': refuses('404'),
    'aws iam get-role --role-name AWSServiceRoleForBatch': refuses('An error occurred (NoSuchEntity)'),
  });
  await deploy('dev', { root, tools, yes: true });
  const order = [
    'aws s3api create-bucket',
    'aws s3api put-bucket-versioning',
    'aws s3api put-public-access-block',
    'terraform init',
    'aws iam create-service-linked-role --aws-service-name batch.amazonaws.com',
    'terraform apply -auto-approve -target=aws_ecr_repository.image',
    'aws ecr get-login-password',
    `docker login --username AWS --password-stdin ${REGISTRY}`,
    'docker buildx build',
    'docker buildx build',
    'terraform apply -auto-approve -var-file=environments/dev.tfvars',
  ];
  const made = calls.filter((line) => order.some((head) => line.startsWith(head)));
  expect(made.map((line, index) => line.startsWith(order[index]!))).toEqual(order.map(() => true));
  expect(inputs).toContain('password');
  expect(calls.join('\n')).not.toContain('password\n');
  expect(calls).toContainEqual(expect.stringContaining('--platform linux/arm64'));
  expect(calls).toContainEqual(expect.stringContaining(`-var=account_ids=["${ACCOUNT}"]`));
  expect(lines.join('\n')).toContain('aws secretsmanager put-secret-value --secret-id afterbell-dev/polygon');
  expect(lines.join('\n')).toContain('npx afterbell night --stage dev');
});

test('the second deployment of an account makes no bucket and no role', async () => {
  const { tools, calls } = fake();
  await deploy('dev', { root, tools, yes: false });
  expect(calls.filter((line) => /create-/.test(line))).toEqual([]);
  // The stack is shown and asked for; only its repositories are not.
  expect(calls.filter((line) => /^terraform apply/.test(line) && !line.includes('-auto-approve'))).toHaveLength(1);
});

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
    { 'docker buildx version': refuses('Cannot connect to the Docker daemon') },
    /docker with buildx is not running/,
  ],
  [
    'a region without Fargate',
    { 'aws ssm': says(['batch', 'lambda', 'stepfunctions', 'ecr', 'rds', 'dynamodb', 'secretsmanager']) },
    /region us-east-1 lacks fargate/,
  ],
  [
    'a region without this Aurora',
    { 'aws rds': says(['16.4', '15.10']) },
    /lacks Aurora PostgreSQL 16\.6 Serverless; it has 16\.4/,
  ],
  [
    'an account whose roles nobody may see',
    { 'aws iam get-role': refuses('An error occurred (AccessDenied)') },
    /it cannot be seen whether the account has AWSServiceRoleForBatch/,
  ],
];

test.each(OBSTACLES)('%s is named before anything is changed', async (_, answers, words) => {
  const { tools, calls } = fake(answers);
  await expect(deploy('dev', { root, tools, yes: true })).rejects.toThrow(words);
  expect(changes(calls)).toEqual([]);
});

test('missing programs and missing credentials are told at once, each command in its own words', async () => {
  const answers = {
    'docker buildx version': refuses('Cannot connect'),
    'terraform version': { code: 127, stdout: '', stderr: '' },
    'aws sts': refuses('Unable to locate credentials'),
  };
  const run = { root, tools: fake(answers).tools, yes: true };
  const told = /dev cannot be deployed[\s\S]*terraform is not[\s\S]*docker with buildx[\s\S]*no AWS credentials/;
  await expect(deploy('dev', run)).rejects.toThrow(told);
  await expect(destroy('dev', run)).rejects.toThrow(/dev cannot be destroyed[\s\S]*no AWS credentials/);
});

test('several obstacles are told at once', async () => {
  const { tools } = fake({ 'aws ssm': says([]), 'aws rds': says([]) });
  await expect(deploy('dev', { root, tools, yes: true })).rejects.toThrow(/lacks batch, fargate[\s\S]*lacks Aurora/);
});

test('a role that may not ask about the region deploys all the same, and is told', async () => {
  const { tools, lines } = fake({ 'aws ssm': refuses('AccessDenied') });
  await deploy('dev', { root, tools, yes: true });
  expect(lines.join('\n')).toContain('Not checked: which services us-east-1 has');
});

test('images without repositories are refused with the command that makes them', async () => {
  const { tools, calls } = fake({ 'terraform output -json repositories': refuses('No outputs found') });
  await expect(images('dev', { root, tools, yes: true })).rejects.toThrow('make deploy STAGE=dev');
  expect(calls.filter((line) => line.startsWith('docker buildx build'))).toEqual([]);
});

test('images go to the state that terraform is set to', async () => {
  const { tools, calls } = fake();
  await images('dev', { root, tools, yes: true });
  expect(calls.filter((line) => /^terraform init|head-bucket/.test(line))).toEqual([]);
  expect(calls.filter((line) => line.startsWith('docker buildx build'))).toHaveLength(2);
});

test('an image that cannot be built stops the deployment before the stack', async () => {
  const { tools, calls } = fake({}, { 'docker buildx build': 1 });
  await expect(deploy('dev', { root, tools, yes: true })).rejects.toThrow('docker buildx build');
  expect(calls.filter((line) => /^terraform apply/.test(line))).toHaveLength(1);
});

test('a protected stage is not destroyed', async () => {
  const { tools, calls } = fake();
  await expect(destroy('prod', { root, tools, yes: true })).rejects.toThrow('prod is protected');
  expect(calls).toEqual([]);
});

test('a stage is destroyed without docker, and what is left is named', async () => {
  const { tools, calls, lines } = fake({ 'docker buildx version': refuses('no') });
  await destroy('dev', { root, tools, yes: true });
  expect(calls.at(-1)).toBe('terraform destroy -auto-approve -var-file=environments/dev.tfvars');
  expect(lines.join('\n')).toContain(`afterbell-state-${ACCOUNT}-us-east-1`);
});

test('a stage without a file is refused with those there are', async () => {
  await expect(deploy(undefined, { root, tools: fake().tools, yes: true })).rejects.toThrow('wanted dev or prod');
});
