import { NamedError } from '../../src/errors.ts';
import type { Environment } from './environment.ts';
import type { Answer, Tools } from './tools.ts';

/** Roles that AWS services make for themselves once in an account; Batch on Fargate and Aurora need all three. */
const SERVICE_ROLES = {
  AWSServiceRoleForBatch: 'batch.amazonaws.com',
  AWSServiceRoleForECS: 'ecs.amazonaws.com',
  AWSServiceRoleForRDS: 'rds.amazonaws.com',
} as const;

/** As AWS names them in its public parameters about regions. */
const SERVICES = ['batch', 'fargate', 'lambda', 'stepfunctions', 'ecr', 'rds', 'dynamodb', 'secretsmanager'];
const NOT_INSTALLED = 127;
const TERRAFORM_AT_LEAST = [1, 10];

export interface Ground {
  account: string;
  /** Services whose role has to be made first. */
  missingRoles: string[];
}

/**
 * Looks at everything that would stop a deployment half-way, changes nothing, and tells all of it at once.
 * @param building false where images are not built, as for `destroy`
 * @throws Config.Invalid
 */
export async function preflight(tools: Tools, environment: Environment, building: boolean): Promise<Ground> {
  const refuse = (problems: readonly string[]) => notReady(environment.stage, problems, building);
  const problems = await missingPrograms(tools, building);
  const caller = await tools.ask('aws', ['sts', 'get-caller-identity', '--output', 'json']);
  if (caller.code !== 0 && caller.code !== NOT_INSTALLED) problems.push(credentialProblem(caller));
  if (problems.length > 0) throw refuse(problems);
  const { Account: account } = JSON.parse(caller.stdout) as { Account: string };
  if (!building) return { account, missingRoles: [] };
  const [region, aurora, roles] = await Promise.all([
    regionProblems(tools, environment),
    auroraProblems(tools, environment),
    missingServiceRoles(tools),
  ]);
  const found = [...region, ...aurora, ...roles.problems];
  if (found.length > 0) throw refuse(found);
  return { account, missingRoles: roles.missing };
}

function notReady(stage: string, problems: readonly string[], building: boolean): NamedError {
  return new NamedError('Config.Invalid', {
    what: `${stage} cannot be ${building ? 'deployed' : 'destroyed'} from here yet; nothing has been changed:\n${problems.map((line) => `  - ${line}`).join('\n')}\n`,
    todo: 'Mend this and run the same command again.',
  });
}

async function missingPrograms(tools: Tools, building: boolean): Promise<string[]> {
  const problems: string[] = [];
  const terraform = await tools.ask('terraform', ['version', '-json']);
  const version = terraform.code === 0 ? terraformVersion(terraform.stdout) : undefined;
  if (!version) problems.push('terraform is not installed: https://developer.hashicorp.com/terraform/install');
  else if (isOlder(version)) problems.push(`terraform ${version.join('.')} is too old: 1.10 or newer`);
  if ((await tools.ask('aws', ['--version'])).code !== 0) {
    problems.push(
      'credentials cannot be looked at, as the aws command line is not installed: https://docs.aws.amazon.com/cli/latest/userguide/getting-started-install.html',
    );
  }
  if (building && (await tools.ask('docker', ['buildx', 'version'])).code !== 0) {
    problems.push('docker with buildx is not running; it builds the job images');
  }
  return problems;
}

function terraformVersion(stdout: string): number[] | undefined {
  const text = /"terraform_version":\s*"(\d+)\.(\d+)/.exec(stdout);
  return text ? [Number(text[1]), Number(text[2])] : undefined;
}

function isOlder([major = 0, minor = 0]: number[]): boolean {
  const [wantedMajor = 0, wantedMinor = 0] = TERRAFORM_AT_LEAST;
  return major < wantedMajor || (major === wantedMajor && minor < wantedMinor);
}

function credentialProblem({ stderr }: Answer): string {
  if (/Expired|expired/.test(stderr))
    return 'the AWS credentials have expired: sign in again (aws sso login, or new keys)';
  if (/Unable to locate credentials|NoCredentials|could not be found/.test(stderr)) {
    return 'there are no AWS credentials: aws configure, aws sso login, or AWS_PROFILE';
  }
  return `AWS does not accept the credentials: ${lastLine(stderr)}`;
}

async function regionProblems(tools: Tools, { region }: Environment): Promise<string[]> {
  const path = `/aws/service/global-infrastructure/regions/${region}/services`;
  const answer = await tools.ask('aws', [
    ...['ssm', 'get-parameters-by-path', '--region', region, '--path', path],
    ...['--query', 'Parameters[].Value', '--output', 'json'],
  ]);
  // A role without this permission may still deploy; Terraform then meets what is missing itself.
  if (answer.code !== 0) {
    tools.say(`Not checked: which services ${region} has (${lastLine(answer.stderr)}).`);
    return [];
  }
  const present = new Set(JSON.parse(answer.stdout) as string[]);
  const missing = SERVICES.filter((name) => !present.has(name));
  return missing.length > 0 ? [`region ${region} lacks ${missing.join(', ')}: name another in the tfvars`] : [];
}

async function auroraProblems(tools: Tools, { region, engineVersion }: Environment): Promise<string[]> {
  const answer = await tools.ask('aws', [
    ...['rds', 'describe-orderable-db-instance-options', '--region', region, '--engine', 'aurora-postgresql'],
    ...[
      '--db-instance-class',
      'db.serverless',
      '--query',
      'OrderableDBInstanceOptions[].EngineVersion',
      '--output',
      'json',
    ],
  ]);
  if (answer.code !== 0) {
    tools.say(`Not checked: which Aurora versions ${region} has (${lastLine(answer.stderr)}).`);
    return [];
  }
  const versions = [...new Set(JSON.parse(answer.stdout) as string[])];
  if (versions.includes(engineVersion)) return [];
  const near = versions.filter((version) => version.split('.')[0] === engineVersion.split('.')[0]);
  return [
    `region ${region} lacks Aurora PostgreSQL ${engineVersion} Serverless; it has ${(near.length > 0 ? near : versions).join(', ') || 'none'}: set warehouse = { engine_version = "…" } in the tfvars`,
  ];
}

async function missingServiceRoles(tools: Tools): Promise<{ missing: string[]; problems: string[] }> {
  const missing: string[] = [];
  const problems: string[] = [];
  for (const [role, service] of Object.entries(SERVICE_ROLES)) {
    const answer = await tools.ask('aws', ['iam', 'get-role', '--role-name', role, '--output', 'json']);
    if (answer.code === 0) continue;
    if (/NoSuchEntity/.test(answer.stderr)) missing.push(service);
    else problems.push(`it cannot be seen whether the account has ${role}: ${lastLine(answer.stderr)}`);
  }
  return { missing, problems };
}

function lastLine(text: string): string {
  return text.trim().split('\n').at(-1) ?? '';
}
