import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { NamedError } from '../../src/errors.ts';
import { type Environment, readEnvironment } from './environment.ts';
import { practise, requireIntended, requireOneKind, requireUnprotected } from './practice.ts';
import { preflight } from './preflight.ts';
import { notThere, prepareState, removeState, requireState, stateBucket } from './state.ts';
import { type Deployment, failed, must, output, terraform } from './steps.ts';

/**
 * Everything a new account needs, in this order: preflight, a bucket for Terraform's state, roles that AWS services
 * want, the image repositories, the images, the rest. Running it again changes what has changed.
 * @throws Config.Invalid from the preflight, before anything is made; Job.Failed for a step that failed
 */
export async function deploy(stage: string | undefined, deployment: Deployment): Promise<void> {
  const environment = readEnvironment(deployment.root, stage);
  requireIntended(deployment, environment);
  requireUnprotected(deployment, environment);
  const { account, missingRoles } = await preflight(deployment, environment, 'deploy');
  await requireOneKind(deployment, environment, account);
  await prepareState(deployment, environment, account);
  for (const service of missingRoles) {
    await must(deployment, `Making the account's role for ${service}`, 'aws', [
      ...['iam', 'create-service-linked-role', '--aws-service-name', service],
    ]);
  }
  const settings = [`-var-file=${environment.tfvars}`, `-var=account_ids=["${account}"]`, ...kindOf(deployment)];
  await terraform(deployment, 'Repositories for the job images', [
    ...['apply', '-auto-approve', '-target=aws_ecr_repository.image'],
    ...settings,
  ]);
  await pushImages(deployment, environment);
  await terraform(deployment, 'The stack', ['apply', ...(deployment.yes ? ['-auto-approve'] : []), ...settings]);
  await (deployment.practice ? practise : sayNext)(deployment, environment);
}

function kindOf({ practice }: Deployment): string[] {
  return practice ? ['-var=practice=true'] : [];
}

/** Builds both images for arm64 and pushes them to the stage's repositories, whichever stage terraform/ is set to. */
export async function images(stage: string | undefined, deployment: Deployment): Promise<void> {
  const environment = readEnvironment(deployment.root, stage);
  await preflight(deployment, environment, 'images');
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
  const { account } = await preflight(deployment, environment, 'destroy');
  await requireState(deployment, environment, account);
  await prepareState(deployment, environment, account);
  const held = await deployment.tools.ask('terraform', ['state', 'list'], { cwd: join(deployment.root, 'terraform') });
  if (held.code !== 0) throw failed('terraform state list', held.stderr.trim());
  if (held.stdout.trim() === '') {
    // A practice stage whose destroy broke off after its last resource; what is left is its state.
    if (environment.practice) return removeState(deployment, environment, account);
    throw notThere(environment, account, 'a state without resources: it was destroyed before');
  }
  const practice = environment.practice || (await output<boolean>(deployment, 'practice')) === true;
  const approve = deployment.yes ? ['-auto-approve'] : [];
  const kind = kindOf({ ...deployment, practice });
  await terraform(deployment, 'Destroying', ['destroy', ...approve, `-var-file=${environment.tfvars}`, ...kind]);
  if (practice) return removeState(deployment, environment, account);
  deployment.tools.say(
    `Gone. Left in the account: the bucket ${stateBucket(account, environment.region)} with Terraform's state, and roles of AWS services.`,
  );
}

async function pushImages(deployment: Deployment, { stage, region, imageTag }: Environment): Promise<void> {
  const { root, tools } = deployment;
  const names = readdirSync(join(root, 'batch-images'));
  const repositories = await repositoriesOf(deployment, stage, region);
  const missing = names.filter((name) => !repositories[name]);
  if (missing.length > 0) {
    throw new NamedError('Config.Invalid', {
      what: `there is no repository for ${missing.join(', ')} yet`,
      todo: `make deploy STAGE=${stage} makes them, and pushes the images.`,
    });
  }
  const registry = repositories[names[0]!]!.split('/')[0]!;
  const password = await must(deployment, `Signing in to ${registry}`, 'aws', [
    ...['ecr', 'get-login-password', '--region', region],
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

/** By image. Asked of the account, as terraform/ may be set to another stage. */
async function repositoriesOf({ tools }: Deployment, stage: string, region: string): Promise<Record<string, string>> {
  const query = 'repositories[].[repositoryName, repositoryUri]';
  const asked = ['ecr', 'describe-repositories', '--region', region, '--query', query, '--output', 'json'];
  const answer = await tools.ask('aws', asked);
  if (answer.code !== 0) throw failed('aws ecr describe-repositories', answer.stderr.trim());
  const prefix = `afterbell-${stage}-`;
  const own = (JSON.parse(answer.stdout) as [string, string][]).filter(([name]) => name.startsWith(prefix));
  return Object.fromEntries(own.map(([name, uri]) => [name.slice(prefix.length), uri]));
}

async function sayNext(deployment: Deployment, { stage, notifyEmails, scheduled }: Environment): Promise<void> {
  const { tools } = deployment;
  const secrets = (await output<Record<string, { command: string; wants: string }>>(deployment, 'secrets')) ?? {};
  const off = Object.entries((await output<Record<string, string>>(deployment, 'off')) ?? {});
  const dashboard = await output<string>(deployment, 'dashboard');
  tools.say(`\n${stage} is deployed. Next:`);
  tools.say(
    '1. Put in the vendors’ keys that are not there yet. Each command reads the key from your terminal, so that no',
  );
  tools.say(
    '   command line or shell history holds it: start it, paste the JSON with your own values, then Enter and Ctrl-D.',
  );
  for (const { command, wants } of Object.values(secrets)) tools.say(`     ${command}\n       ${wants}`);
  tools.say(
    notifyEmails.includes('nobody')
      ? '2. Nobody is notified of failed or held nights, as notify_emails says: look at the status every morning.'
      : `2. Confirm the mail that ${notifyEmails.join(', ')} got from AWS; until then nothing arrives.`,
  );
  const later = scheduled ? 'come by the schedule' : 'are started like this too, as schedule_enabled = false says';
  tools.say(`3. npx afterbell night --stage ${stage}     the first night, now; the next ones ${later}`);
  tools.say(`   npx afterbell status --stage ${stage}`);
  if (dashboard) tools.say(`   ${dashboard}`);
  if (off.length > 0) tools.say('\nSwitched off, and skipped every night:');
  for (const [name, how] of off) tools.say(`   ${name}: ${how}`);
}
