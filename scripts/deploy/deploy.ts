import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { NamedError } from '../../src/errors.ts';
import { type Environment, readEnvironment } from './environment.ts';
import { preflight } from './preflight.ts';
import type { Tools } from './tools.ts';

export interface Deployment {
  root: string;
  tools: Tools;
  /** Do not ask before the stack is changed; for machines. */
  yes: boolean;
}

/**
 * Everything a new account needs, in this order: preflight, a bucket for Terraform's state, roles that AWS services
 * want, the image repositories, the images, the rest. Running it again changes what has changed.
 * @throws Config.Invalid from the preflight, before anything is made; Job.Failed for a step that failed
 */
export async function deploy(stage: string | undefined, deployment: Deployment): Promise<void> {
  const environment = readEnvironment(deployment.root, stage);
  const { account, missingRoles } = await preflight(deployment.tools, environment, true);
  await prepareState(deployment, environment, account);
  for (const service of missingRoles) {
    await must(deployment, `Making the account's role for ${service}`, 'aws', [
      ...['iam', 'create-service-linked-role', '--aws-service-name', service],
    ]);
  }
  const settings = [`-var-file=${environment.tfvars}`, `-var=account_ids=["${account}"]`];
  await terraform(deployment, 'Repositories for the job images', [
    ...['apply', '-auto-approve', '-target=aws_ecr_repository.image'],
    ...settings,
  ]);
  await pushImages(deployment, environment);
  await terraform(deployment, 'The stack', ['apply', ...(deployment.yes ? ['-auto-approve'] : []), ...settings]);
  await sayNext(deployment, environment);
}

/** Builds both images for arm64 and pushes them; the repositories must be there, in whatever state terraform/ is set to. */
export async function images(stage: string | undefined, deployment: Deployment): Promise<void> {
  const environment = readEnvironment(deployment.root, stage);
  await preflight(deployment.tools, environment, true);
  await pushImages(deployment, environment);
}

/** @throws Usage.Invalid for a stage that is protected */
export async function destroy(stage: string | undefined, deployment: Deployment): Promise<void> {
  const environment = readEnvironment(deployment.root, stage);
  if (environment.protect) {
    throw new NamedError('Usage.Invalid', {
      what: `${environment.stage} is protected`,
      found: `protect = true in terraform/${environment.tfvars}`,
      todo: `Set it to false, run make deploy STAGE=${environment.stage}, then destroy. Every bar, table and row goes with it.`,
    });
  }
  const { account } = await preflight(deployment.tools, environment, false);
  await prepareState(deployment, environment, account);
  const approve = deployment.yes ? ['-auto-approve'] : [];
  await terraform(deployment, 'Destroying', ['destroy', ...approve, `-var-file=${environment.tfvars}`]);
  deployment.tools.say(
    `Gone. Left in the account: the bucket ${stateBucket(account, environment.region)} with Terraform's state, and roles of AWS services.`,
  );
}

async function prepareState(
  deployment: Deployment,
  { stage, region, backend }: Environment,
  account: string,
): Promise<void> {
  const { tools } = deployment;
  const bucket = stateBucket(account, region);
  const there = await tools.ask('aws', ['s3api', 'head-bucket', '--bucket', bucket, '--region', region]);
  if (there.code !== 0) {
    const place = region === 'us-east-1' ? [] : ['--create-bucket-configuration', `LocationConstraint=${region}`];
    const s3api = (...args: string[]) => ['s3api', ...args, '--bucket', bucket, '--region', region];
    await must(
      deployment,
      `Making the bucket ${bucket} for Terraform's state`,
      'aws',
      s3api('create-bucket', ...place),
    );
    await must(deployment, '', 'aws', s3api('put-bucket-versioning', '--versioning-configuration', 'Status=Enabled'));
    const blocked = 'BlockPublicAcls=true,IgnorePublicAcls=true,BlockPublicPolicy=true,RestrictPublicBuckets=true';
    await must(deployment, '', 'aws', s3api('put-public-access-block', '--public-access-block-configuration', blocked));
  }
  await terraform(deployment, `State of ${stage}`, [
    ...[
      'init',
      '-reconfigure',
      '-input=false',
      `-backend-config=${backend}`,
      `-backend-config=key=afterbell/${stage}.tfstate`,
    ],
    ...[`-backend-config=bucket=${bucket}`, `-backend-config=region=${region}`],
  ]);
}

function stateBucket(account: string, region: string): string {
  return `afterbell-state-${account}-${region}`;
}

async function pushImages(deployment: Deployment, { stage, region, imageTag }: Environment): Promise<void> {
  const { root, tools } = deployment;
  const output = await tools.ask('terraform', ['output', '-json', 'repositories'], { cwd: join(root, 'terraform') });
  const repositories = output.code === 0 ? (JSON.parse(output.stdout) as Record<string, string>) : {};
  const names = readdirSync(join(root, 'batch-images'));
  const missing = names.filter((name) => !repositories[name]);
  if (missing.length > 0) {
    throw new NamedError('Config.Invalid', {
      what: `there is no repository for ${missing.join(', ')} yet`,
      todo: `make deploy STAGE=${stage} makes them, and pushes the images.`,
    });
  }
  const registry = repositories[names[0]!]!.split('/')[0]!;
  const password = await must(deployment, `Signing in to ${registry}`, 'aws', [
    'ecr',
    'get-login-password',
    '--region',
    region,
  ]);
  const signIn = ['login', '--username', 'AWS', '--password-stdin', registry];
  await must(deployment, '', 'docker', signIn, password);
  for (const name of names) {
    tools.say(`\n== Image ${name}`);
    const build = [
      // One manifest a push, so that the digest is the image's own.
      ...['buildx', 'build', '--platform', 'linux/arm64', '--provenance=false', '--push'],
      ...['--file', `batch-images/${name}/Dockerfile`, '--tag', `${repositories[name]}:${imageTag}`, '.'],
    ];
    if ((await tools.show('docker', build, { cwd: root })) !== 0) throw failed(`docker ${build.join(' ')}`);
  }
}

async function sayNext({ root, tools }: Deployment, { stage }: Environment): Promise<void> {
  const output = await tools.ask('terraform', ['output', '-json', 'secrets'], { cwd: join(root, 'terraform') });
  const secrets = output.code === 0 ? Object.entries(JSON.parse(output.stdout) as Record<string, string>) : [];
  const dashboard = await tools.ask('terraform', ['output', '-raw', 'dashboard'], { cwd: join(root, 'terraform') });
  tools.say(`\n${stage} is deployed. Next:`);
  tools.say('1. Put the vendors’ keys in, if they are not there yet (each line with your own value):');
  for (const [, command] of secrets) tools.say(`     ${command}`);
  tools.say('2. Confirm the mails that the addresses in notify_emails have got.');
  tools.say(`3. npx afterbell night --stage ${stage}     the first night, now; the next ones come by the schedule`);
  tools.say(`   npx afterbell status --stage ${stage}`);
  if (dashboard.code === 0) tools.say(`   ${dashboard.stdout.trim()}`);
}

async function terraform({ root, tools }: Deployment, title: string, args: string[]): Promise<void> {
  tools.say(`\n== ${title}`);
  if ((await tools.show('terraform', args, { cwd: join(root, 'terraform') })) !== 0)
    throw failed(`terraform ${args[0]}`);
}

async function must(
  { tools }: Deployment,
  title: string,
  command: string,
  args: string[],
  input?: string,
): Promise<string> {
  if (title) tools.say(`\n== ${title}`);
  const answer = await tools.ask(command, args, input === undefined ? {} : { input });
  if (answer.code !== 0) throw failed(`${command} ${args.slice(0, 2).join(' ')}`, answer.stderr.trim());
  return answer.stdout;
}

function failed(what: string, found?: string): NamedError {
  return new NamedError('Job.Failed', {
    what: `${what} failed`,
    ...(found ? { found } : {}),
    todo: 'What was made before it stays; the same command goes on from here.',
  });
}
