import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AccessAnalyzerClient, ValidatePolicyCommand } from '@aws-sdk/client-accessanalyzer';
import { SFNClient, ValidateStateMachineDefinitionCommand } from '@aws-sdk/client-sfn';
import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import { inFlight } from '../../src/concurrency.ts';
import { placeholdersIn, renderTemplate } from '../../src/local/states/template.ts';
import { type Environment, readEnvironment } from '../deploy/environment.ts';
import { auroraProblems } from '../deploy/preflight.ts';
import type { Tools } from '../deploy/tools.ts';
import { checkCase, readCases } from './cases.ts';
import { policiesOf, type StagePolicy } from './policies.ts';

export interface CheckOptions {
  root: string;
  stage: string;
  tools: Tools;
  /** Folder of the recorded cases. */
  cases: string;
  /** What `terraform show -json` says; Terraform itself is asked unless given. */
  shown?: object;
  /** More for every SDK client: a stand-in has no host of its own for TestState. */
  client?: { disableHostPrefix?: boolean };
}

/** What one check came to: how many things were asked about, and every mistake that AWS sees in one of them. */
interface Finding {
  what: string;
  asked: number;
  wrong: { thing: string; why: string }[];
  /** Not asked, with the reason. */
  left?: string;
}

/** Calls at once; Step Functions takes one TestState a second, and a hundred beforehand. */
const AT_ONCE = 4;
const PATIENT = { maxAttempts: 12, retryMode: 'adaptive' } as const;

/**
 * Asks AWS itself about what is deployed and what would be: nothing is created, nothing is paid for.
 * @returns whether everything asked is right
 */
export async function checkAws({ root, stage, tools, cases, shown, client: more }: CheckOptions): Promise<boolean> {
  const environment = readEnvironment(root, stage);
  const client = { region: environment.region, ...PATIENT, ...more };
  const caller = await new STSClient(client).send(new GetCallerIdentityCommand({})).catch((error: Error) => error);
  if (caller instanceof Error) {
    tools.say(`SKIPPED: make check-aws asks AWS itself, and there are no credentials for it (${caller.name})`);
    return true;
  }
  const { Account: account = '', Arn: arn = '' } = caller;
  const partition = arn.split(':')[1] ?? 'aws';
  const sfn = new SFNClient(client);
  const findings = [
    await checkMachines(sfn, root, { ...environment, account, partition }),
    await checkRecorded(sfn, cases, partition, environment.region),
    await checkPolicies(new AccessAnalyzerClient(client), root, shown ?? (await planned(environment, root, tools))),
    await checkDatabase(tools, environment),
  ];
  for (const { what, asked, wrong, left } of findings) {
    // A thing may have several mistakes.
    const bad = new Set(wrong.map(({ thing }) => thing)).size;
    tools.say(`${what}: ${asked - bad} right, ${bad} wrong${left === undefined ? '' : `; ${left}`}`);
    for (const { thing, why } of wrong) tools.say(`  - ${thing}: ${why}`);
  }
  return findings.every(({ wrong }) => wrong.length === 0);
}

type Place = Environment & { account: string; partition: string };

async function checkMachines(sfn: SFNClient, root: string, place: Place): Promise<Finding> {
  const files = readdirSync(join(root, 'state-machines')).filter((file) => file.endsWith('.asl.json'));
  const wrong: Finding['wrong'] = [];
  for (const file of files) {
    const definition = renderTemplate(...rendering(readFileSync(join(root, 'state-machines', file), 'utf8'), place));
    const { result, diagnostics = [] } = await sfn.send(new ValidateStateMachineDefinitionCommand({ definition }));
    if (result === 'OK') continue;
    const reasons = diagnostics.map(({ code, message, location }) => `${location}: ${code}: ${message}`);
    if (reasons.length === 0) reasons.push(`AWS says ${result}, and not why`);
    wrong.push(...reasons.map((why) => ({ thing: file, why })));
  }
  return { what: 'State machines (ValidateStateMachineDefinition)', asked: files.length, wrong };
}

/** The placeholders as Terraform fills them, by the names it gives. */
function rendering(text: string, { stage, region, account, partition }: Place): [string, Record<string, string>] {
  const arn = (service: string, rest: string) => `arn:${partition}:${service}:${region}:${account}:${rest}`;
  const known: Record<string, string> = {
    at_stage: ` --stage ${stage}`,
    topic: arn('sns', `afterbell-${stage}-notify`),
    job_queue: arn('batch', `job-queue/afterbell-${stage}-jobs`),
    consolidator: arn('batch', `job-definition/afterbell-${stage}-consolidator`),
    resampler: arn('batch', `job-definition/afterbell-${stage}-resampler`),
  };
  const functionOf = (name: string) => arn('lambda', `function:afterbell-${stage}-${name.replaceAll('_', '-')}`);
  return [text, Object.fromEntries(placeholdersIn(text).map((name) => [name, known[name] ?? functionOf(name)]))];
}

async function checkRecorded(sfn: SFNClient, folder: string, partition: string, region: string): Promise<Finding> {
  const what = 'Recorded cases (TestState, ValidateStateMachineDefinition)';
  const path = join(folder, 'aws-recorded.json');
  if (!existsSync(path)) return { what, asked: 0, wrong: [], left: `SKIPPED, as they are not in ${folder}` };
  const file = readCases(readFileSync(path, 'utf8'), partition, region);
  const verdicts: Awaited<ReturnType<typeof checkCase>>[] = [];
  await inFlight(file.cases, AT_ONCE, async (one) => {
    verdicts.push(await checkCase(sfn, one, file));
  });
  const wrong = verdicts.flatMap(({ name, differs }) => (differs === undefined ? [] : [{ thing: name, why: differs }]));
  const skipped = verdicts.filter((verdict) => verdict.skipped !== undefined).length;
  const left = `${skipped} not asked: TestState takes no Map, Parallel or Wait without its result`;
  return { what, asked: verdicts.length - skipped, wrong, left };
}

async function checkPolicies(analyzer: AccessAnalyzerClient, root: string, shown: object | string): Promise<Finding> {
  const what = 'Policies (Access Analyzer)';
  const own = ['terraform/deployer-policy.json', 'terraform/operator-policy.json'].map(
    (place): StagePolicy => ({ place, type: 'IDENTITY_POLICY', document: readFileSync(join(root, place), 'utf8') }),
  );
  const { policies, unknown } = typeof shown === 'string' ? { policies: [], unknown: [] } : policiesOf(shown);
  const wrong: Finding['wrong'] = [];
  for (const { place, type, document } of [...own, ...policies]) {
    const request = new ValidatePolicyCommand({ policyDocument: document, policyType: type });
    const { findings = [] } = await analyzer.send(request);
    const grave = findings.filter(({ findingType }) => findingType === 'ERROR' || findingType === 'SECURITY_WARNING');
    wrong.push(
      ...grave.map(({ issueCode, findingDetails }) => ({ thing: place, why: `${issueCode}: ${findingDetails}` })),
    );
  }
  const left =
    typeof shown === 'string'
      ? shown
      : unknown.length > 0
        ? `${unknown.length} are known only after the first apply: ${unknown.slice(0, 3).join(', ')} …`
        : undefined;
  return { what, asked: policies.length + own.length, wrong, ...(left === undefined ? {} : { left }) };
}

/** The plan of this stage against what is deployed, or why there is none. Terraform was initialised by `make deploy`. */
async function planned({ tfvars, stage }: Environment, root: string, tools: Tools): Promise<object | string> {
  const cwd = join(root, 'terraform');
  const folder = mkdtempSync(join(tmpdir(), 'afterbell-plan-'));
  try {
    const file = join(folder, 'plan');
    const args = ['plan', '-input=false', '-lock=false', '-no-color', `-var-file=${tfvars}`, `-out=${file}`];
    const plan = await tools.ask('terraform', args, { cwd });
    if (plan.code !== 0) {
      const line = plan.stderr.split('\n').find((text) => text.includes('Error')) ?? '';
      return `no plan of ${stage}, so only the deployer's and the operator's policies were asked about; run make deploy STAGE=${stage} first (${line.trim()})`;
    }
    const { stdout } = await tools.ask('terraform', ['show', '-json', file], { cwd });
    return JSON.parse(stdout) as object;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The same check as before a deployment. */
async function checkDatabase(tools: Tools, environment: Environment): Promise<Finding> {
  const what = 'Warehouse (DescribeOrderableDBInstanceOptions)';
  const { problems, unchecked } = await auroraProblems(tools, environment);
  if (unchecked !== undefined) return { what, asked: 0, wrong: [], left: `not checked: ${unchecked}` };
  return { what, asked: 1, wrong: problems.map((why) => ({ thing: 'the database', why })) };
}
