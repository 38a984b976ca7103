import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, test } from 'vitest';
import { deploy, destroy, images } from '../../scripts/deploy/deploy.ts';
import { readPractice } from '../../scripts/deploy/practice.ts';
import { type Answer, programs, type Tools } from '../../scripts/deploy/tools.ts';
import { skipped } from '../terraform/tooling.ts';

const repository = fileURLToPath(new URL('../..', import.meta.url));
const made: string[] = [];
afterAll(() => {
  for (const folder of made) rmSync(folder, { recursive: true, force: true });
});

/** The repository as far as a deployment reads it, with this line about mails in dev.tfvars. */
function rootWith(notify: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'afterbell-deploy-'));
  made.push(folder);
  for (const path of ['terraform/environments', 'terraform/variables.tf', 'batch-images', '.env.example']) {
    mkdirSync(join(folder, path, '..'), { recursive: true });
    cpSync(join(repository, path), join(folder, path), { recursive: true });
  }
  const tfvars = join(folder, 'terraform/environments/dev.tfvars');
  writeFileSync(tfvars, readFileSync(tfvars, 'utf8').replace(/^notify_emails.*$/m, notify));
  return folder;
}

/** The same, with this line before the others of a stage's file. */
function rootBeginning(stage: string, line: string): string {
  const folder = rootWith('notify_emails = ["ops@example.com"]');
  const tfvars = join(folder, `terraform/environments/${stage}.tfvars`);
  writeFileSync(tfvars, `${line}\n${readFileSync(tfvars, 'utf8')}`);
  return folder;
}

const root = rootWith('notify_emails = ["ops@example.com"]');
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
  'terraform output -json secrets': says({
    polygon: {
      command:
        'aws secretsmanager put-secret-value --secret-id afterbell-dev/polygon --secret-string file:///dev/stdin',
      wants: '{"apiKey":"…"}',
    },
  }),
  'terraform output -json off': says({ fmp: 'add "fmp" to vendors', INDEX_MEMBERS_URI: 'name a file of members' }),
  'docker version': says('27.5.1'),
  'docker buildx inspect': says(
    'Name: default\nStatus: running\nPlatforms: linux/amd64, linux/amd64/v2, linux/arm64\n',
  ),
  'aws ecr describe-repositories': says(
    ['dev', 'try'].flatMap((stage) =>
      ['consolidator', 'resampler'].map((name) => {
        const repository = `afterbell-${stage}-${name}`;
        return [repository, `${REGISTRY}/${repository}`];
      }),
    ),
  ),
  'terraform state list': says('aws_s3_bucket.lake'),
  'terraform output -json dashboard': says('"https://console/dashboard"'),
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

const CHANGES = /create|put-|apply|destroy|init|buildx build .*--push|login /;
const changes = (calls: readonly string[]) => calls.filter((line) => CHANGES.test(line));

test('a new account gets state, service roles, repositories, images and then the rest', async () => {
  const { tools, calls, lines, inputs } = fake({
    'aws s3api head-bucket': refuses('An error occurred (404) when calling the HeadBucket operation: Not Found'),
    'aws iam get-role --role-name AWSServiceRoleForBatch': refuses('An error occurred (NoSuchEntity)'),
  });
  await deploy('dev', { root, tools, yes: true });
  const order = [
    'aws s3api create-bucket',
    'aws s3api put-bucket-versioning',
    'aws s3api put-public-access-block',
    'aws s3api put-bucket-policy',
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
  expect(lines.join('\n')).toMatch(/put-secret-value .*--secret-string file:\/\/\/dev\/stdin\n {7}\{"apiKey":"…"\}$/m);
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
  const { tools, calls } = fake(answers);
  await expect(deploy('dev', { root, tools, yes: true })).rejects.toThrow(words);
  expect(changes(calls)).toEqual([]);
});

test('missing programs and missing credentials are told at once, each command in its own words', async () => {
  const answers = {
    'docker version': refuses('Cannot connect'),
    'terraform version': { code: 127, stdout: '', stderr: '' },
    'aws sts': refuses('Unable to locate credentials'),
  };
  const run = { root, tools: fake(answers).tools, yes: true };
  const told = /dev cannot be deployed[\s\S]*terraform is not[\s\S]*the Docker daemon[\s\S]*no AWS credentials/;
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
  const { tools, calls } = fake({ 'aws ecr describe-repositories': says([]) });
  await expect(images('dev', { root, tools, yes: true })).rejects.toThrow('make deploy STAGE=dev');
  expect(calls.filter((line) => line.startsWith('docker buildx build'))).toEqual([]);
});

test('images go to the repositories of the stage that is named, whichever terraform/ is set to', async () => {
  const own = rootWith('notify_emails = []');
  writeFileSync(join(own, 'terraform/environments/try.tfvars'), 'stage = "try"\n');
  const { tools, calls } = fake();
  await images('try', { root: own, tools, yes: true });
  expect(calls.filter((line) => /^terraform (init|output)|head-bucket/.test(line))).toEqual([]);
  const pushed = calls.flatMap((line) => /^docker buildx build .*--tag (\S+)/.exec(line)?.[1] ?? []);
  expect(pushed).toEqual([
    `${REGISTRY}/afterbell-try-consolidator:current`,
    `${REGISTRY}/afterbell-try-resampler:current`,
  ]);
});

test('a builder that names no arm64 but builds for it is enough, as nothing of arm64 runs while the images are built', async () => {
  const { tools, calls, inputs } = fake({ 'docker buildx inspect': says('Platforms: linux/amd64\n') });
  await images('dev', { root, tools, yes: true });
  expect(inputs).toContainEqual(expect.stringMatching(/^FROM scratch\n/));
  expect(calls.filter((line) => /^docker buildx build .*--push/.test(line))).toHaveLength(2);
});

test('every call on the bucket of the state names the account that must own it, but the one that makes it', async () => {
  const { tools, calls } = fake({ 'aws s3api head-bucket': refuses('(404)') });
  await deploy('dev', { root, tools, yes: true });
  const onBucket = calls.filter((line) => line.startsWith('aws s3api'));
  expect(onBucket.length).toBe(5);
  const open = onBucket.filter((line) => !line.includes(`--expected-bucket-owner ${ACCOUNT}`));
  expect(open).toEqual([expect.stringContaining('create-bucket')]);
  const policy = onBucket.find((line) => line.includes('put-bucket-policy'));
  expect(policy).toMatch(/"Effect":"Deny".*"aws:SecureTransport":"false"/);
});

test('a stage that would notify nobody is not deployed, unless the file says nobody', async () => {
  const left = fake();
  const silent = { root: rootWith('notify_emails = [] # ["you@example.com"]'), tools: left.tools, yes: true };
  await expect(deploy('dev', silent)).rejects.toThrow(
    /nobody would be notified of a failed night: set notify_emails = \["you@example.com"\] in terraform\/environments\/dev.tfvars, or \["nobody"\]/,
  );
  expect(changes(left.calls)).toEqual([]);
  const { tools, lines } = fake();
  await deploy('dev', { root: rootWith('notify_emails = ["nobody"]'), tools, yes: true });
  expect(lines.join('\n')).toContain('Nobody is notified of failed or held nights');
});

test('a deployment ends with whose mail to confirm, and with what is switched off and how it is switched on', async () => {
  const { tools, lines } = fake();
  const own = rootWith('notify_emails = [\n  "a@example.com", # on call\n  "b@example.com",\n]');
  await deploy('dev', { root: own, tools, yes: true });
  const text = lines.join('\n');
  expect(text).toContain('Confirm the mail that a@example.com, b@example.com got');
  expect(text).toMatch(/Switched off[\s\S]*fmp: add "fmp" to vendors[\s\S]*INDEX_MEMBERS_URI: name a file of members/);
});

test('a comment in a stage’s file is no setting: what it protects stays, and its region is where it was', async () => {
  const { tools, calls } = fake();
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
  const { tools, calls } = fake({ 'terraform plan -json': { code: 1, stdout: plan.join('\n'), stderr: '' } });
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

test.each(WRONG)('Terraform itself judges the file before the deployment: %s', async (line, words) => {
  if (!(await hasTerraform)) return skipped('terraform is not installed');
  const { tools, calls } = fake();
  const ask: Tools['ask'] = (command, args, options) =>
    args.includes('-json') && args[0] === 'plan'
      ? programs.ask(command, args, options)
      : tools.ask(command, args, options);
  const deployed = deploy('dev', { root: rootWith(line), tools: { ...tools, ask }, yes: true });
  await expect(deployed).rejects.toThrow(words);
  expect(changes(calls)).toEqual([]);
});

test('a quotation mark that is missing is told with its line', async () => {
  const { tools, calls } = fake();
  const own = rootWith('notify_emails = ["ops@example.com"]');
  writeFileSync(join(own, 'terraform/environments/dev.tfvars'), '# dev\nstage = "dev\nnotify_emails = ["nobody"]\n');
  await expect(deploy('dev', { root: own, tools, yes: true })).rejects.toThrow(
    /terraform\/environments\/dev\.tfvars cannot be read; found line 2: stage = "dev; wanted a closing quotation mark/,
  );
  expect(calls).toEqual([]);
});

test('credentials are looked at in the region of the stage, as the profile may have none', async () => {
  const { tools, calls } = fake();
  await deploy('dev', { root: rootBeginning('dev', 'region = "eu-west-1"'), tools, yes: true });
  expect(calls.filter((line) => line.startsWith('aws sts'))).toEqual([
    'aws sts get-caller-identity --region eu-west-1 --output json',
  ]);
  const open = calls.filter((line) => /^aws (?!iam|--version)/.test(line) && !line.includes('--region eu-west-1'));
  expect(open).toEqual([]);
});

test('a stage for practice data is not deployed as a real one because PRACTICE=1 was forgotten', async () => {
  const { tools, calls } = fake();
  await expect(deploy('try', { root, tools, yes: true })).rejects.toThrow(
    /try is a practice stage, and PRACTICE=1 is missing[\s\S]*make deploy STAGE=try PRACTICE=1/,
  );
  expect(calls).toEqual([]);
});

test('a deployment says whether nights come by the schedule', async () => {
  const said = async (line: string) => {
    const { tools, lines } = fake();
    await deploy('dev', { root: rootBeginning('dev', line), tools, yes: true });
    return lines.join('\n');
  };
  expect(await said('')).toContain('the next ones come by the schedule');
  const byHand = await said('schedule_enabled = false');
  expect(byHand).toContain('the next ones are started like this too, as schedule_enabled = false says');
  expect(byHand).not.toContain('come by the schedule');
});

test('PRACTICE=1 asks beforehand for the rights that its first night needs, of what cannot be there', async () => {
  const { tools, calls } = fake({
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
  await expect(deploy(undefined, { root, tools: fake().tools, yes: true })).rejects.toThrow('wanted dev, prod, try');
});

const NOT_FOUND = refuses('An error occurred (404) when calling the HeadObject operation: Not Found');
const NO_FUNCTION = refuses('An error occurred (ResourceNotFoundException)');
/** An account in which nothing of the stage try is. */
const EMPTY: Record<string, Answer> = {
  'aws lambda get-function-configuration': NO_FUNCTION,
  'aws s3 cp': NOT_FOUND,
  'aws secretsmanager describe-secret': refuses('An error occurred (ResourceNotFoundException)'),
  'terraform output -json secrets': says({ polygon: 'aws …', alpaca: 'aws …', fmp: 'aws …', xai: 'aws …' }),
  'terraform output -json machines': says({ nightly: 'arn:aws:states:us-east-1:1:stateMachine:afterbell-try-nightly' }),
  'terraform output -json dashboard': says('"https://console/dashboard"'),
};
const MARKET = {
  'aws lambda get-function-configuration': says('afterbell-try-practice-market\n'),
  'aws s3 cp': says('{\n "kind": "practice"\n}\n'),
};

test('a practice stage is deployed with its market, gets keys of no worth, runs a night at once and prints its links', async () => {
  const { tools, calls, lines, inputs } = fake(EMPTY);
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
  const { tools, lines } = fake(EMPTY, { env: 4 });
  await expect(deploy('try', { root, tools, yes: true, practice: true })).rejects.toThrow('The first night of try');
  expect(lines.join('\n')).toContain('make destroy STAGE=try');
});

test('a practice stage is deployed again', async () => {
  const { tools, calls } = fake({ ...EMPTY, ...MARKET });
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
  const { tools, calls } = fake(answers);
  const deployed = deploy(stage, { root, tools, yes: true, practice });
  await expect(deployed).rejects.toThrow(words);
  await expect(deployed).rejects.toMatchObject({ name: expect.stringMatching(/^(Usage|Config)\.Invalid$/) });
  expect(changes(calls)).toEqual([]);
});

test('PRACTICE is 1 or left out', () => {
  expect([undefined, '', '1'].map(readPractice)).toEqual([false, false, true]);
  for (const value of ['2', '0', 'yes']) expect(() => readPractice(value)).toThrow(`PRACTICE=${value}`);
});

test('a stage that is not there is not destroyed, and no bucket is made to find that out', async () => {
  const absent: Record<string, Answer>[] = [
    { 'aws s3api head-object': refuses('An error occurred (404) when calling the HeadObject operation: Not Found') },
    { 'terraform state list': says('') },
  ];
  for (const answers of absent) {
    const { tools, calls } = fake(answers);
    const gone = destroy('dev', { root, tools, yes: true });
    await expect(gone).rejects.toMatchObject({ name: 'Usage.Invalid' });
    await expect(gone).rejects.toThrow(/there is no stage dev to destroy in account 123456789012, region us-east-1/);
    expect(calls.filter((line) => /create-bucket|terraform destroy/.test(line))).toEqual([]);
  }
});

test('a state that cannot be listed is not taken for a stage that was destroyed before', async () => {
  for (const stage of ['dev', 'try']) {
    const { tools, calls } = fake({ 'terraform state list': refuses('Error: Failed to load state') });
    await expect(destroy(stage, { root, tools, yes: true })).rejects.toThrow(
      /terraform state list failed; found Error: Failed to load state/,
    );
    expect(calls.filter((line) => /delete-|terraform destroy/.test(line))).toEqual([]);
  }
});

test('a practice stage whose destroy broke off after its last resource is rid of its state by the next one', async () => {
  const { tools, calls, lines } = fake({ 'terraform state list': says('') });
  await destroy('try', { root, tools, yes: true });
  expect(calls.filter((line) => line.startsWith('terraform destroy'))).toEqual([]);
  expect(calls.at(-1)).toContain('aws s3api delete-bucket');
  expect(lines.join('\n')).toContain('nothing of try is left');
});

test('a practice stage keeps no state, even where its outputs were gone before its resources', async () => {
  const { tools, calls, lines } = fake({ 'terraform output': refuses('Warning: No outputs found') });
  await destroy('try', { root, tools, yes: true });
  expect(calls).toContain('terraform destroy -auto-approve -var-file=environments/try.tfvars -var=practice=true');
  expect(lines.join('\n')).toContain('nothing of try is left');
});

test('a practice stage is destroyed with every version of its state, and the bucket when no other stage has one there', async () => {
  const versions = says({
    Versions: [{ Key: 'afterbell/try.tfstate', VersionId: '2' }],
    DeleteMarkers: [{ Key: 'afterbell/try.tfstate.tflock', VersionId: '1' }],
  });
  for (const [others, last] of [
    [says({}), 'aws s3api delete-bucket'],
    [says({ Versions: [{ Key: 'afterbell/dev.tfstate', VersionId: '1' }] }), 'aws s3api list-object-versions'],
  ] as const) {
    const listed = `aws s3api list-object-versions --bucket afterbell-state-${ACCOUNT}-us-east-1 --region us-east-1 --expected-bucket-owner ${ACCOUNT}`;
    const { tools, calls, lines, inputs } = fake({
      'terraform output -json practice': says('true'),
      [`${listed} --prefix`]: versions,
      [`${listed} --max-items`]: others,
    });
    await destroy('try', { root, tools, yes: true });
    expect(calls.filter((line) => line.startsWith('terraform destroy'))).toEqual([
      'terraform destroy -auto-approve -var-file=environments/try.tfvars -var=practice=true',
    ]);
    const removed = JSON.parse(inputs.find((text) => text?.includes('Objects'))!) as { Objects: { Key: string }[] };
    expect(removed.Objects.map(({ Key }) => Key)).toEqual(['afterbell/try.tfstate', 'afterbell/try.tfstate.tflock']);
    expect(calls.at(-1)).toContain(last);
    expect(lines.join('\n')).toContain('nothing of try is left');
  }
});
