import { join } from 'node:path';
import { lastClosedSession, sessionAt, sessionNumber } from '../../src/calendar/calendar.ts';
import { NamedError } from '../../src/errors.ts';
import type { Environment } from './environment.ts';
import { ABSENT, type Deployment, failed, must, output } from './steps.ts';
import type { Answer, Tools } from './tools.ts';

/** Vendors whose key a stage may have. */
const VENDORS = ['polygon', 'alpaca', 'fmp', 'xai', 'flat-files'];
/** Keys that the practice market takes, as it takes any; by the form of each vendor's secret. */
const KEY = { apiKey: 'practice' };
const KEYS: Readonly<Record<string, object>> = {
  polygon: KEY,
  alpaca: { keyId: 'practice', secretKey: 'practice' },
  fmp: KEY,
  xai: KEY,
};
/** Sessions that are offered as a history: as many as the longest bars want, and some. */
const HISTORY = 60;

/** @throws Usage.Invalid for a value of PRACTICE that is none */
export function readPractice(value: string | undefined): boolean {
  if (value === undefined || value === '') return false;
  if (value === '1') return true;
  throw new NamedError('Usage.Invalid', {
    what: 'PRACTICE is not understood',
    found: `PRACTICE=${value}`,
    wanted: 'PRACTICE=1 for a stage whose vendors are the practice market, or no PRACTICE at all',
  });
}

/** @throws Usage.Invalid for a practice stage that Terraform would refuse to take down again */
export function requireUnprotected({ practice }: Deployment, { stage, protect, tfvars }: Environment): void {
  if (!practice || !protect) return;
  throw new NamedError('Usage.Invalid', {
    what: `${stage} is protected, and practice data is nothing to protect`,
    found: `PRACTICE=1 and protect = true in terraform/${tfvars}`,
    wanted: 'a stage whose destroy leaves nothing',
    todo: 'make deploy STAGE=try PRACTICE=1',
  });
}

/** @throws Usage.Invalid for a practice stage that would become a real one, because PRACTICE=1 was forgotten */
export function requireIntended({ practice }: Deployment, environment: Environment): void {
  if (practice || !environment.practice) return;
  const { stage, tfvars } = environment;
  throw new NamedError('Usage.Invalid', {
    what: `${stage} is a practice stage, and PRACTICE=1 is missing`,
    found: `practice = true in terraform/${tfvars}`,
    todo: `make deploy STAGE=${stage} PRACTICE=1. For real data deploy another stage, such as dev.`,
  });
}

/**
 * Practice and real data, or keys, never meet in one stage.
 * @throws Usage.Invalid, before anything is changed
 */
export async function requireOneKind(
  { tools, practice }: Deployment,
  { stage, region, lakeBucket }: Environment,
  account: string,
): Promise<void> {
  const market = await hasMarket(tools, stage, region);
  const kind = await lakeKind(tools, lakeBucket ?? `afterbell-${stage}-lake-${account}`, region, practice === true);
  if (!practice) {
    if (!market && kind !== 'practice') return;
    throw new NamedError('Usage.Invalid', {
      what: `${stage} is a practice stage, and practice and real data never mix`,
      found: market ? `the function ${marketName(stage)}` : 'a lake of practice data',
      todo: `Keep it: make deploy STAGE=${stage} PRACTICE=1. For real data deploy another stage, or make destroy STAGE=${stage} first.`,
    });
  }
  const refuse = (found: string) =>
    new NamedError('Usage.Invalid', {
      what: `${stage} is a real stage, and practice and real data never mix`,
      found,
      wanted: 'PRACTICE=1 on a stage that has none',
      todo: 'make deploy STAGE=try PRACTICE=1 makes one beside it.',
    });
  if (kind === 'real') throw refuse('a lake of real data');
  // The keys of a practice stage are not real ones.
  if (market) return;
  const keys = await vendorsWithKey(tools, stage, region);
  if (keys.length > 0) throw refuse(`keys of ${keys.join(', ')} in its secrets`);
}

function marketName(stage: string): string {
  return `afterbell-${stage}-practice-market`;
}

async function hasMarket(tools: Tools, stage: string, region: string): Promise<boolean> {
  const name = marketName(stage);
  const answer = await tools.ask('aws', [
    ...['lambda', 'get-function-configuration', '--region', region, '--function-name', name],
    ...['--query', 'FunctionName', '--output', 'text'],
  ]);
  return answer.code === 0 && answer.stdout.trim() === name;
}

/** What the lake is stamped with; undefined where there is no lake yet, or nothing in it. */
async function lakeKind(tools: Tools, bucket: string, region: string, needed: boolean): Promise<string | undefined> {
  const stamp = `s3://${bucket}/processing_metadata/lake.json`;
  const answer = await tools.ask('aws', ['s3', 'cp', '--region', region, '--only-show-errors', stamp, '-']);
  if (answer.code === 0) return /"kind":\s*"(\w+)"/.exec(answer.stdout)?.[1];
  if (needed && !ABSENT.test(answer.stderr)) throw unseen(`whether ${bucket} holds real data`, answer);
  return undefined;
}

async function vendorsWithKey(tools: Tools, stage: string, region: string): Promise<string[]> {
  const found: string[] = [];
  for (const vendor of VENDORS) {
    const answer = await tools.ask('aws', [
      ...['secretsmanager', 'describe-secret', '--region', region, '--secret-id', `afterbell-${stage}/${vendor}`],
      ...['--query', 'VersionIdsToStages', '--output', 'json'],
    ]);
    if (answer.code !== 0 && !ABSENT.test(answer.stderr)) throw unseen(`whether ${vendor} has a key`, answer);
    if (answer.code === 0 && /"[^"]+":/.test(answer.stdout)) found.push(vendor);
  }
  return found;
}

function unseen(what: string, { stderr }: Answer): NamedError {
  return new NamedError('Config.Invalid', {
    what: `it cannot be seen ${what}; nothing has been changed`,
    found: stderr.trim().split('\n').at(-1),
    wanted: 'the rights of terraform/deployer-policy.json',
  });
}

/**
 * The last steps of a practice stage: keys that its market takes, a night at once, and how to look at it.
 * @throws Job.Failed when the night did not end well; the stage stands
 */
export async function practise(deployment: Deployment, { stage, region }: Environment): Promise<void> {
  const { root, tools } = deployment;
  const vendors = Object.keys((await output<object>(deployment, 'secrets')) ?? {});
  for (const vendor of vendors.filter((name) => KEYS[name])) {
    await must(
      deployment,
      vendor === vendors[0] ? 'Keys that the practice market takes' : '',
      'aws',
      [
        ...['secretsmanager', 'put-secret-value', '--region', region, '--secret-id', `afterbell-${stage}/${vendor}`],
        ...['--secret-string', 'file:///dev/stdin'],
      ],
      JSON.stringify(KEYS[vendor]),
    );
  }
  const afterbell = (...args: string[]) =>
    tools.show(
      'env',
      [`AWS_REGION=${region}`, process.execPath, join(root, 'dist/cli/afterbell.mjs'), ...args, '--stage', stage],
      { cwd: root },
    );
  tools.say('\n== The first night');
  const code = await afterbell('night');
  tools.say('\n== Status');
  await afterbell('status');
  const machine = (await output<Record<string, string>>(deployment, 'machines'))?.nightly;
  const dashboard = await output<string>(deployment, 'dashboard');
  tools.say(`\n${stage} is deployed, with practice data. Look at it:`);
  if (machine) {
    const states = `https://${region}.console.aws.amazon.com/states/home?region=${region}`;
    tools.say(`     ${states}#/statemachines/view/${machine}`);
  }
  if (dashboard) tools.say(`     ${dashboard}`);
  tools.say(`   npx afterbell report --stage ${stage}`);
  const last = lastClosedSession(new Date());
  const range = `--from ${sessionAt(sessionNumber(last) - HISTORY)} --to ${last}`;
  tools.say(`   npx afterbell backfill --stage ${stage} ${range}     a history, for bars of many sessions`);
  tools.say(`   make destroy STAGE=${stage}     takes all of it away again; what an hour costs: docs/deploy.md`);
  if (code !== 0) throw failed(`The first night of ${stage}`, `exit code ${code}; its words are above`);
}
