import { NamedError } from '../../src/errors.ts';
import type { Environment } from './environment.ts';
import { operatorProblems } from './operator.ts';
import { settingProblems } from './settings.ts';
import type { Deployment } from './steps.ts';
import { type Answer, NOT_INSTALLED, type Tools } from './tools.ts';

/** Roles that AWS services make for themselves once in an account; Batch on Fargate and Aurora need all three. */
const SERVICE_ROLES = {
  AWSServiceRoleForBatch: 'batch.amazonaws.com',
  AWSServiceRoleForECS: 'ecs.amazonaws.com',
  AWSServiceRoleForRDS: 'rds.amazonaws.com',
} as const;

/** As AWS names them in its public parameters about regions. */
const SERVICES = ['batch', 'fargate', 'lambda', 'stepfunctions', 'ecr', 'rds', 'dynamodb', 'secretsmanager'];
/** What each command is on about, and how a sentence says so. */
const PURPOSES = { deploy: 'deployed', images: 'given its images', destroy: 'destroyed' } as const;
export type Purpose = keyof typeof PURPOSES;

/** As the tfvars files have it in a comment. */
const PLACEHOLDER = 'you@example.com';
const TERRAFORM_AT_LEAST = [1, 10];

export interface Ground {
  account: string;
  /** Services whose role has to be made first. */
  missingRoles: string[];
}

/**
 * Looks at everything that would stop a deployment half-way, changes nothing, and tells all of it at once.
 * @param purpose `destroy` builds no images; only `deploy` makes anybody wait for mails
 * @throws Config.Invalid
 */
export async function preflight(
  { root, tools, practice = false }: Deployment,
  environment: Environment,
  purpose: Purpose,
): Promise<Ground> {
  const { stage, region } = environment;
  const building = purpose !== 'destroy';
  const refuse = (problems: readonly string[]) => notReady(stage, problems, purpose);
  const problems = await missingPrograms(tools, building);
  problems.push(...(await settingProblems(tools, root, environment)));
  if (purpose === 'deploy') problems.push(...nobodyNotified(environment));
  const caller = await tools.ask('aws', ['sts', 'get-caller-identity', '--region', region, '--output', 'json']);
  if (caller.code !== 0 && caller.code !== NOT_INSTALLED) problems.push(credentialProblem(caller));
  if (problems.length > 0) throw refuse(problems);
  const { Account: account } = JSON.parse(caller.stdout) as { Account: string };
  if (!building) return { account, missingRoles: [] };
  const [services, aurora, roles, rights] = await Promise.all([
    regionProblems(tools, environment),
    auroraProblems(tools, environment),
    missingServiceRoles(tools),
    practice ? operatorProblems(tools, environment, account) : [],
  ]);
  if (aurora.unchecked) tools.say(`Not checked: ${aurora.unchecked}.`);
  const found = [...services, ...aurora.problems, ...roles.problems, ...rights];
  if (found.length > 0) throw refuse(found);
  return { account, missingRoles: roles.missing };
}

function notReady(stage: string, problems: readonly string[], purpose: Purpose): NamedError {
  return new NamedError('Config.Invalid', {
    what: `${stage} cannot be ${PURPOSES[purpose]} from here yet; nothing has been changed:\n${problems.map((line) => `  - ${line}`).join('\n')}\n`,
    todo: 'Fix this and run the same command again.',
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
  if (building) problems.push(...(await builderProblems(tools)));
  return problems;
}

/** Without a line about it, a stage that fails every night would notify nobody. */
function nobodyNotified({ tfvars, notifyEmails }: Environment): string[] {
  if (notifyEmails.includes(PLACEHOLDER))
    return [`${PLACEHOLDER} in terraform/${tfvars} is nobody's address: put in yours`];
  if (notifyEmails.length > 0) return [];
  return [
    `nobody would be notified of a failed night: set notify_emails = ["${PLACEHOLDER}"] in terraform/${tfvars}, or ["nobody"] if that is what you want`,
  ];
}

/** The smallest image there is: pulls nothing, runs nothing. */
const PROBE = 'FROM scratch\nLABEL probe=arm64\n';

async function builderProblems(tools: Tools): Promise<string[]> {
  const buildx = await tools.ask('docker', ['buildx', 'version']);
  if (buildx.code === NOT_INSTALLED) {
    return [
      'docker is not installed; with its plug-in buildx it builds the job images: https://docs.docker.com/get-docker/',
    ];
  }
  if (buildx.code !== 0) {
    return [
      `docker is there, but its plug-in buildx is not installed (${lastLine(buildx.stderr)}): https://github.com/docker/buildx#installing`,
    ];
  }
  const daemon = await tools.ask('docker', ['version', '--format', '{{.Server.Version}}']);
  if (daemon.code !== 0) return [`the Docker daemon is not running, or not yours to use: ${lastLine(daemon.stderr)}`];
  const builder = await tools.ask('docker', ['buildx', 'inspect']);
  if (/^Platforms:.*\blinux\/arm64\b/m.test(builder.stdout)) return [];
  // A builder names only what it can also run. Our images run nothing of their own platform while they are built.
  const build = ['buildx', 'build', '--platform', 'linux/arm64', '--output', 'type=cacheonly', '-'];
  const probe = await tools.ask('docker', build, { input: PROBE });
  if (probe.code === 0) return [];
  return [
    `docker's builder does not build for linux/arm64 (${lastLine(probe.stderr)}): make one that does with \`docker buildx create --use\``,
  ];
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
  const said = lastLine(stderr);
  if (/Expired|expired/.test(stderr))
    return 'the AWS credentials have expired: sign in again (aws sso login, or new keys)';
  if (/Could not connect|Connect timeout|ConnectionClosed|Failed to connect|SSL validation failed/.test(stderr)) {
    return `AWS cannot be reached: ${said}. Look at the network, a proxy (HTTPS_PROXY) and the region's name`;
  }
  if (/config profile .* could not be found/.test(stderr)) {
    return `${said}: name another in AWS_PROFILE (aws configure list-profiles)`;
  }
  if (/Unable to locate credentials|NoCredentials/.test(stderr)) {
    return 'there are no AWS credentials: aws configure, aws sso login, or AWS_PROFILE';
  }
  return `AWS does not accept the credentials: ${said}`;
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

/** What is wrong with the version of the stage's database; `unchecked` when the region could not be asked. */
export async function auroraProblems(
  tools: Tools,
  { region, engineVersion }: Environment,
): Promise<{ problems: string[]; unchecked?: string }> {
  const answer = await tools.ask('aws', [
    ...['rds', 'describe-orderable-db-instance-options', '--region', region, '--engine', 'aurora-postgresql'],
    ...['--db-instance-class', 'db.serverless'],
    ...['--query', 'OrderableDBInstanceOptions[].EngineVersion', '--output', 'json'],
  ]);
  if (answer.code !== 0)
    return { problems: [], unchecked: `which Aurora versions ${region} has (${lastLine(answer.stderr)})` };
  const versions = [...new Set(JSON.parse(answer.stdout) as string[])];
  if (versions.some((version) => serves(version, engineVersion))) return { problems: [] };
  const [major = ''] = engineVersion.split('.');
  const near = versions.filter((version) => version.startsWith(`${major}.`));
  const wanted =
    engineVersion === major
      ? `${major} Serverless that can pause (${major}.${PAUSES_FROM[major]} or later)`
      : `${engineVersion} Serverless`;
  const has = (near.length > 0 ? near : versions).join(', ') || 'none';
  return {
    problems: [
      `region ${region} lacks Aurora PostgreSQL ${wanted}; it has ${has}: set warehouse = { engine_version = "…" } in the tfvars`,
    ],
  };
}

/** The first minor version of each major one that can pause, as in terraform/variables.tf. */
const PAUSES_FROM: Readonly<Record<string, number>> = { 13: 15, 14: 12, 15: 7, 16: 3, 17: 4 };

/** A major version is served by any of its minor ones that can pause. */
function serves(version: string, engineVersion: string): boolean {
  const [major = '', minor = ''] = version.split('.');
  return version === engineVersion || (major === engineVersion && Number(minor) >= (PAUSES_FROM[major] ?? 0));
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
