import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { deploy, images } from '../../scripts/deploy/deploy.ts';
import { ACCOUNT, fakeTools, REGISTRY, refuses, rootBeginning, rootWith, says } from './deployment.ts';

const root = rootWith();

test('a new account gets state, service roles, repositories, images and then the rest', async () => {
  const { tools, calls, lines, inputs } = fakeTools({
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
  const { tools, calls } = fakeTools();
  await deploy('dev', { root, tools, yes: false });
  expect(calls.filter((line) => /create-/.test(line))).toEqual([]);
  // The stack is shown and asked for; only its repositories are not.
  expect(calls.filter((line) => /^terraform apply/.test(line) && !line.includes('-auto-approve'))).toHaveLength(1);
});

test('images without repositories are refused with the command that makes them', async () => {
  const { tools, calls } = fakeTools({ 'aws ecr describe-repositories': says([]) });
  await expect(images('dev', { root, tools, yes: true })).rejects.toThrow('make deploy STAGE=dev');
  expect(calls.filter((line) => line.startsWith('docker buildx build'))).toEqual([]);
});

test('images go to the repositories of the stage that is named, whichever terraform/ is set to', async () => {
  const own = rootWith('notify_emails = []');
  writeFileSync(join(own, 'terraform/environments/try.tfvars'), 'stage = "try"\n');
  const { tools, calls } = fakeTools();
  await images('try', { root: own, tools, yes: true });
  expect(calls.filter((line) => /^terraform (init|output)|head-bucket/.test(line))).toEqual([]);
  const pushed = calls.flatMap((line) => /^docker buildx build .*--tag (\S+)/.exec(line)?.[1] ?? []);
  expect(pushed).toEqual([
    `${REGISTRY}/afterbell-try-consolidator:current`,
    `${REGISTRY}/afterbell-try-resampler:current`,
  ]);
});

test('a builder that names no arm64 but builds for it is enough, as nothing of arm64 runs while the images are built', async () => {
  const { tools, calls, inputs } = fakeTools({ 'docker buildx inspect': says('Platforms: linux/amd64\n') });
  await images('dev', { root, tools, yes: true });
  expect(inputs).toContainEqual(expect.stringMatching(/^FROM scratch\n/));
  expect(calls.filter((line) => /^docker buildx build .*--push/.test(line))).toHaveLength(2);
});

test('every call on the bucket of the state names the account that must own it, but the one that makes it', async () => {
  const { tools, calls } = fakeTools({ 'aws s3api head-bucket': refuses('(404)') });
  await deploy('dev', { root, tools, yes: true });
  const onBucket = calls.filter((line) => line.startsWith('aws s3api'));
  expect(onBucket.length).toBe(5);
  const open = onBucket.filter((line) => !line.includes(`--expected-bucket-owner ${ACCOUNT}`));
  expect(open).toEqual([expect.stringContaining('create-bucket')]);
  const policy = onBucket.find((line) => line.includes('put-bucket-policy'));
  expect(policy).toMatch(/"Effect":"Deny".*"aws:SecureTransport":"false"/);
});

test('a deployment ends with whose mail to confirm, and with what is switched off and how it is switched on', async () => {
  const { tools, lines } = fakeTools();
  const own = rootWith('notify_emails = [\n  "a@example.com", # on call\n  "b@example.com",\n]');
  await deploy('dev', { root: own, tools, yes: true });
  const text = lines.join('\n');
  expect(text).toContain('Confirm the mail that a@example.com, b@example.com got');
  expect(text).toMatch(/Switched off[\s\S]*fmp: add "fmp" to vendors[\s\S]*INDEX_MEMBERS_URI: name a file of members/);
});

test('credentials are looked at in the region of the stage, as the profile may have none', async () => {
  const { tools, calls } = fakeTools();
  await deploy('dev', { root: rootBeginning('dev', 'region = "eu-west-1"'), tools, yes: true });
  expect(calls.filter((line) => line.startsWith('aws sts'))).toEqual([
    'aws sts get-caller-identity --region eu-west-1 --output json',
  ]);
  const open = calls.filter((line) => /^aws (?!iam|--version)/.test(line) && !line.includes('--region eu-west-1'));
  expect(open).toEqual([]);
});

test('a deployment says whether nights come by the schedule', async () => {
  const said = async (line: string) => {
    const { tools, lines } = fakeTools();
    await deploy('dev', { root: rootBeginning('dev', line), tools, yes: true });
    return lines.join('\n');
  };
  expect(await said('')).toContain('the next ones come by the schedule');
  const byHand = await said('schedule_enabled = false');
  expect(byHand).toContain('the next ones are started like this too, as schedule_enabled = false says');
  expect(byHand).not.toContain('come by the schedule');
});

test('an image that cannot be built stops the deployment before the stack', async () => {
  const { tools, calls } = fakeTools({}, { 'docker buildx build': 1 });
  await expect(deploy('dev', { root, tools, yes: true })).rejects.toThrow('docker buildx build');
  expect(calls.filter((line) => /^terraform apply/.test(line))).toHaveLength(1);
});
