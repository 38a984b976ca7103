import { NamedError } from '../../src/errors.ts';
import type { Environment } from './environment.ts';
import { ABSENT, type Deployment, failed, must, terraform } from './steps.ts';
import type { Tools } from './tools.ts';

/** The bucket of Terraform's state, one for all stages of an account and region. */
export function stateBucket(account: string, region: string): string {
  return `afterbell-state-${account}-${region}`;
}

/**
 * Makes the bucket if it is missing, closes it, and points Terraform at the stage's state in it. Anybody can guess the
 * bucket's name and take it first, so every call names the account that must own it.
 * @throws Config.Invalid when it is another account's
 */
export async function prepareState(
  deployment: { root: string; tools: Tools },
  { stage, region, backend }: Environment,
  account: string,
): Promise<void> {
  const { tools } = deployment;
  const bucket = stateBucket(account, region);
  const place = ['--bucket', bucket, '--region', region];
  const owned = [...place, '--expected-bucket-owner', account];
  const there = await tools.ask('aws', ['s3api', 'head-bucket', ...owned]);
  if (there.code !== 0 && /\b403\b|Forbidden|AccessDenied/.test(there.stderr)) throw notOurs(bucket, account);
  if (there.code !== 0) {
    const where = region === 'us-east-1' ? [] : ['--create-bucket-configuration', `LocationConstraint=${region}`];
    await must(deployment, `Making the bucket ${bucket} for Terraform's state`, 'aws', [
      ...['s3api', 'create-bucket', ...place],
      ...where,
    ]);
  }
  // Every time, so that a bucket of an earlier version is closed as well.
  const settings = [
    ['put-bucket-versioning', '--versioning-configuration', 'Status=Enabled'],
    [
      ...['put-public-access-block', '--public-access-block-configuration'],
      'BlockPublicAcls=true,IgnorePublicAcls=true,BlockPublicPolicy=true,RestrictPublicBuckets=true',
    ],
    ['put-bucket-policy', '--policy', tlsOnly(bucket, region)],
  ];
  for (const setting of settings) await must(deployment, '', 'aws', ['s3api', ...setting, ...owned]);
  await terraform(deployment, `State of ${stage}`, [
    ...['init', '-reconfigure', '-input=false', `-backend-config=${backend}`],
    `-backend-config=key=${stateKey(stage)}`,
    ...[`-backend-config=bucket=${bucket}`, `-backend-config=region=${region}`],
  ]);
}

export function partitionOf(region: string): string {
  if (region.startsWith('cn-')) return 'aws-cn';
  return region.startsWith('us-gov-') ? 'aws-us-gov' : 'aws';
}

function tlsOnly(bucket: string, region: string): string {
  const arn = `arn:${partitionOf(region)}:s3:::${bucket}`;
  return JSON.stringify({
    Version: '2012-10-17',
    Statement: [
      {
        Sid: 'TlsOnly',
        Effect: 'Deny',
        Principal: '*',
        Action: 's3:*',
        Resource: [arn, `${arn}/*`],
        Condition: { Bool: { 'aws:SecureTransport': 'false' } },
      },
    ],
  });
}

function notOurs(bucket: string, account: string): NamedError {
  return new NamedError('Config.Invalid', {
    what: `the bucket ${bucket} for Terraform's state is not this account's, or these credentials may not see it`,
    found: '403 from S3, asked for a bucket of the owner ' + account,
    wanted: `a bucket of account ${account}`,
    todo:
      'If your role lacks s3:ListBucket on it, add that. If somebody else took the name, nothing was written to it: ' +
      'deploy by hand with a bucket of another name (docs/deploy.md, By hand).',
  });
}

function stateKey(stage: string): string {
  return `afterbell/${stage}.tfstate`;
}

/** @throws Usage.Invalid for a stage that nobody has deployed from here; no bucket is made to find that out */
export async function requireState({ tools }: Deployment, environment: Environment, account: string): Promise<void> {
  const bucket = stateBucket(account, environment.region);
  const key = stateKey(environment.stage);
  const place = ['--bucket', bucket, '--region', environment.region, '--expected-bucket-owner', account];
  const there = await tools.ask('aws', ['s3api', 'head-object', '--key', key, ...place]);
  if (there.code === 0) return;
  if (!ABSENT.test(there.stderr)) throw failed('aws s3api head-object', there.stderr.trim());
  throw notThere(environment, account, `no ${key} in the bucket ${bucket}`);
}

export function notThere({ stage, region, tfvars }: Environment, account: string, found: string): NamedError {
  return new NamedError('Usage.Invalid', {
    what: `there is no stage ${stage} to destroy in account ${account}, region ${region}`,
    found,
    wanted: 'a stage that make deploy has made',
    todo: `Name the right AWS_PROFILE, and the region in terraform/${tfvars}. What was deployed by hand has its state elsewhere: terraform destroy.`,
  });
}

/** Every version of the stage's state, and the bucket when it held no other. */
export async function removeState(
  deployment: Deployment,
  { stage, region }: Environment,
  account: string,
): Promise<void> {
  const bucket = stateBucket(account, region);
  const place = ['--bucket', bucket, '--region', region, '--expected-bucket-owner', account];
  const list = (...args: string[]) =>
    must(deployment, '', 'aws', ['s3api', 'list-object-versions', ...place, ...args, '--output', 'json']);
  const versionsIn = (text: string) => {
    const { Versions, DeleteMarkers } = JSON.parse(text || '{}') as Record<string, VersionOf[] | null>;
    return [...(Versions ?? []), ...(DeleteMarkers ?? [])].map(({ Key, VersionId }) => ({ Key, VersionId }));
  };
  const Objects = versionsIn(await list('--prefix', stateKey(stage)));
  // A request takes a thousand.
  for (let from = 0; from < Objects.length; from += 1000) {
    const some = JSON.stringify({ Objects: Objects.slice(from, from + 1000), Quiet: true });
    await must(deployment, '', 'aws', ['s3api', 'delete-objects', ...place, '--delete', 'file:///dev/stdin'], some);
  }
  const others = versionsIn(await list('--max-items', '1')).length > 0;
  if (!others) await must(deployment, '', 'aws', ['s3api', 'delete-bucket', ...place]);
  deployment.tools.say(
    `Gone, with its state${others ? '' : ' and the bucket of states'}: nothing of ${stage} is left. Roles of AWS services stay in the account; they are free and everybody's.`,
  );
}

interface VersionOf {
  Key: string;
  VersionId: string;
}
