import { NamedError } from '../../src/errors.ts';
import type { Environment } from './environment.ts';
import { must, terraform } from './steps.ts';
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
    `-backend-config=key=afterbell/${stage}.tfstate`,
    ...[`-backend-config=bucket=${bucket}`, `-backend-config=region=${region}`],
  ]);
}

function tlsOnly(bucket: string, region: string): string {
  const partition = region.startsWith('cn-') ? 'aws-cn' : region.startsWith('us-gov-') ? 'aws-us-gov' : 'aws';
  const arn = `arn:${partition}:s3:::${bucket}`;
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
