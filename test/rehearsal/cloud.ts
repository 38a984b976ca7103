import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ListTopicsCommand, PublishCommand, SNSClient, SubscribeCommand } from '@aws-sdk/client-sns';
import { CreateQueueCommand, DeleteMessageCommand, ReceiveMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import type { Requests } from '../../src/lake/lake-requests.ts';
import { type BusEvent, matches } from '../../src/local/aws/eventbridge.ts';
import { openPglite } from '../../src/local/aws/pglite.ts';
import { startAwsServer } from '../../src/local/aws/server.ts';
import { type Execution, Triggered } from '../../src/local/executions.ts';
import type { ExecutionEvent, Integration } from '../../src/local/states/events.ts';
import { runMachine } from '../../src/local/states/run-machine.ts';
import { root } from '../terraform/tooling.ts';
import { openShell, type Shell } from './aws-cli.ts';
import { batchRoutes } from './batch.ts';
import { type Deployed, type DeployedMachine, type DeployedRule, readDeployed } from './deployed.ts';
import { Executions } from './executions.ts';
import { transformed } from './input-transformer.ts';
import { deliverLogs } from './log-groups.ts';
import type { RehearsedMarket } from './market.ts';
import { INVOKE_MARKET, requirePermission } from './permissions.ts';
import { Roles } from './roles.ts';
import { openSandboxes, type Sandboxes } from './sandboxes.ts';
import { say } from './say.ts';
import { VENDOR_KEYS } from './settings.ts';
import { sqlByUser } from './sql-users.ts';
import type { EmulatedStage } from './stack.ts';

const ACCOUNT = '123456789012';
const REGION = 'us-east-1';
/** The practice market keeps nobody waiting. */
const TIME_SCALE = 1 / 300;
/** The bus refuses the first events. */
export const BUSY_TIMES = 2;

/** A message of the stage's topic, as a subscriber gets it. */
export interface Told {
  subject?: string;
  message: string;
}

/** What AWS would have billed an execution for, as seen from outside it. */
export interface Metered {
  transitions: number;
  calls: number;
  functionSeconds: number;
  jobs: number;
  jobSeconds: number;
}

interface Watch {
  signal?: AbortSignal;
  onEvent?: (event: ExecutionEvent) => void;
}

/** The deployed stage, alive: its machines run, its functions and jobs do their work, its rules hear of events. */
export interface Cloud {
  deployed: Deployed;
  /** What an SDK client of the operator wants. */
  operator: EmulatedStage['client'];
  /** Endpoints by the SDKs' environment names, for whoever works on this stage. */
  endpoints: Record<string, string>;
  /** Runs one execution of a deployed machine to its end. */
  run(machine: string, input: object, name: string, watch?: Watch): Promise<Execution & { metered: Metered }>;
  /** Objects and lists of the lake that were asked for so far. */
  lakeRequests(): Promise<Requests>;
  /** Tells the default bus of an execution's end, as AWS does. */
  tellEnd(machine: string, ended: Pick<Execution, 'status' | 'error' | 'cause' | 'runId'>): Promise<void>;
  /** What events have started meanwhile, with its end. */
  settled(): Promise<Execution[]>;
  /** Events of our own bus and of AWS's, with the deployed rules they matched. */
  events: { event: Pick<BusEvent, 'source' | 'detail-type' | 'detail'>; rules: string[] }[];
  /** Everything the topic has told since the last question. */
  told(): Promise<Told[]>;
  /** The temporary credentials of a function's role. */
  credentialsOf(name: string): { accessKeyId: string; secretAccessKey: string; sessionToken: string };
  /** Everything that anybody was refused. */
  refused(): string[];
  /** Puts what functions and jobs have said into their log groups, as Lambda and Batch do all the time. */
  deliverLogs(): Promise<void>;
  /** Everything that machines and sandboxes have left in clear text, by place. */
  texts(): Record<string, string>;
  close(): Promise<void>;
}

/** Puts the vendor keys in, subscribes to the topic, and from then on lets every role do only what its policies say. */
export async function openCloud(
  { client, emulator, terraform }: EmulatedStage,
  market: RehearsedMarket,
): Promise<Cloud> {
  const folder = mkdtempSync(join(tmpdir(), 'afterbell-rehearsal-'));
  const warehouse = openPglite(join(folder, 'warehouse'), join(root, 'dist/cluster'));
  const deployed = await readDeployed(client);
  await fillSecrets(terraform, await openShell(emulator.env));
  const inbox = await subscribe(client);
  const roles = new Roles(client);
  const targets = deployed.rules.flatMap((rule) => rule.targets.flatMap(({ RoleArn }) => RoleArn ?? []));
  const runnable = [...deployed.functions, ...deployed.jobs, ...deployed.machines].map(({ role }) => role);
  const credentials = new Map<string, Record<string, string>>();
  const assumed = [...new Set([...runnable, ...targets])];
  await Promise.all(assumed.map(async (role) => credentials.set(role, await roles.assume(role))));
  const key = client.credentials;
  await emulator.authorize(true);

  const sql = await warehouse;
  const executions = new Executions((request) => {
    const machine = deployed.machines.find(({ arn }) => arn === request.stateMachineArn)!;
    triggered.start((signal) => execute(machine, JSON.parse(request.input), request.name, { signal }));
    return `${executionsOf(machine)}:${request.name}`;
  });
  const events: Cloud['events'] = [];
  let busy = BUSY_TIMES;
  const triggered = new Triggered();
  const errors: string[] = [];
  const rulesOf = (bus: string) => deployed.rules.filter((rule) => rule.bus === bus);
  const aws = await startAwsServer({
    credentials: [key, ...[...credentials.values()].map(sdkCredentials)],
    sql,
    events: {
      bus: 'afterbell-dev',
      isBusy: () => busy > 0 && busy-- > 0,
      rules: Object.fromEntries(rulesOf('afterbell-dev').map(({ name, pattern }) => [name, pattern])),
      onEvent: (event, names) => {
        events.push({ event, rules: names });
        for (const rule of rulesOf('afterbell-dev').filter(({ name }) => names.includes(name))) start(rule, event);
      },
    },
    describeExecution: (arn) => executions.describe(arn),
    routes: {
      ...executions.routes(),
      ...batchRoutes(deployed, () => sandboxes.jobs),
      ...sqlByUser(sql, client),
      [INVOKE_MARKET]: async (body) => {
        const called = [...sandboxes.functions.values()].find(({ name }) => name === 'practice-market');
        const { functions, name, timeoutSeconds } = called!;
        const event: unknown = JSON.parse(body);
        return JSON.stringify(await market.invoke(event, () => functions.invoke(name, event, { timeoutSeconds })));
      },
    },
    authorize: (called, signer, body) => {
      if (signer !== key.accessKeyId) requirePermission(roles, called, signer, body);
    },
    onError: (error, during) => void errors.push(`${during}: ${error}`),
  });
  const endpoints = {
    AWS_ENDPOINT_URL: emulator.url,
    AWS_ENDPOINT_URL_RDS_DATA: aws.url,
    AWS_ENDPOINT_URL_EVENTBRIDGE: aws.url,
    AWS_ENDPOINT_URL_SFN: aws.url,
    AWS_ENDPOINT_URL_BATCH: aws.url,
    AWS_REGION: REGION,
    AWS_CONFIG_FILE: '/dev/null',
    AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
    AWS_EC2_METADATA_DISABLED: 'true',
    AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true',
  };
  const within = { ...endpoints, AWS_ENDPOINT_URL_LAMBDA: aws.url };
  const sandboxes = openSandboxes({ deployed, zips: terraform.zips, folder, endpoints: within, credentials });

  /** A rule's targets that are machines, with what the rule makes of the event. */
  function start({ targets }: DeployedRule, event: BusEvent): void {
    for (const { Arn, InputPath, RoleArn = '' } of targets) {
      const machine = deployed.machines.find(({ arn }) => arn === Arn);
      if (!machine) throw new Error(`the target ${Arn} is not deployed`);
      if (InputPath !== '$.detail') throw new Error(`an InputPath nobody foresaw: ${InputPath}`);
      requireTarget(RoleArn, 'states:StartExecution', machine.arn);
      triggered.start((signal) => run(machine.name, event.detail, `${machine.name}-by-event`, { signal }));
    }
  }

  /** EventBridge reaches a target by its role: nothing of ours has a policy that names EventBridge for these. */
  function requireTarget(role: string, action: string, resource: string): void {
    if (roles.allows(credentials.get(role)?.AWS_ACCESS_KEY_ID ?? '', action, resource)) return;
    throw new Error(`the rule's target is not allowed ${action}`);
  }

  /** A matched rule's topics get what its transformer makes of the event. */
  async function notify({ targets }: DeployedRule, event: object): Promise<void> {
    for (const target of targets.filter(({ Arn }) => Arn?.includes(':sns:'))) {
      const { Arn = '', RoleArn = '' } = target;
      requireTarget(RoleArn, 'sns:Publish', Arn);
      const sns = new SNSClient({ ...client, credentials: sdkCredentials(credentials.get(RoleArn)!) });
      await sns.send(new PublishCommand({ TopicArn: Arn, Message: transformed(target, event) }));
    }
  }

  /** What AWS tells the default bus of an execution's end. */
  async function tellEnd(
    machine: DeployedMachine,
    ended: Pick<Execution, 'status' | 'error' | 'cause' | 'runId'>,
  ): Promise<void> {
    const { arn: stateMachineArn } = machine;
    const executionArn = `${executionsOf(machine)}:${ended.runId}`;
    const { status, error, cause, runId } = ended;
    const detail = { executionArn, stateMachineArn, name: runId, status, ...(error ? { error, cause } : {}) };
    const place = { time: new Date().toISOString(), region: REGION };
    const event = { source: 'aws.states', 'detail-type': 'Step Functions Execution Status Change', ...place, detail };
    const rules = rulesOf('default').filter(({ pattern }) => matches(pattern, event));
    events.push({ event, rules: rules.map(({ name }) => name) });
    for (const rule of rules) await notify(rule, event);
  }

  function run(machineName: string, input: object, name: string, watch?: Watch) {
    const machine = deployed.machines.find((one) => one.name === machineName)!;
    return execute(machine, input, `${name}-${new Date().toISOString().replace(/[-:]|\.\d+Z$/g, '')}`, watch);
  }

  async function execute(machine: DeployedMachine, input: object, runId: string, watch: Watch = {}) {
    const startTime = new Date().toISOString();
    const begun = performance.now();
    const counts: Record<string, number> = {};
    const metered: Metered = { transitions: 0, calls: 0, functionSeconds: 0, jobs: 0, jobSeconds: 0 };
    const arn = `${executionsOf(machine)}:${runId}`;
    executions.started(arn, machine.arn);
    const result = await runMachine(machine.machine, {
      input,
      execution: { arn, name: runId, startTime, roleArn: machine.role },
      stateMachine: { arn: machine.arn, name: machine.machine.name },
      integrations: integrations(sandboxes, roles, credentials.get(machine.role)!, client, metered),
      timeScale: TIME_SCALE,
      onEvent: (event) => {
        counts[event.type] = (counts[event.type] ?? 0) + 1;
        executions.heard(arn, event);
        watch.onEvent?.(event);
      },
      signal: watch.signal,
    });
    executions.ended(arn, result);
    metered.transitions = result.transitions;
    const ended = { ...result, runId, metered };
    await tellEnd(machine, ended);
    const { StateEntered: states, TaskScheduled: tasks } = counts;
    say(`${runId}: ${result.status}, ${states} states, ${tasks} tasks`, begun);
    return ended;
  }

  return {
    deployed,
    operator: client,
    endpoints,
    run,
    lakeRequests: () => emulator.lakeRequests(),
    tellEnd: (name, ended) => tellEnd(deployed.machines.find((one) => one.name === name)!, ended),
    settled: () => triggered.settled(),
    events,
    told: () => inbox.read(),
    credentialsOf: (name) =>
      sdkCredentials(credentials.get(deployed.functions.find((one) => one.name === name)!.role)!),
    refused: () => [...emulator.refused, ...roles.refused, ...errors],
    deliverLogs: () => deliverLogs(client, sandboxes.logs),
    texts: () => ({
      ...Object.fromEntries(deployed.machines.map(({ name, machine }) => [name, JSON.stringify(machine.definition)])),
      ...Object.fromEntries(
        sandboxes.logs.map(({ file }) => [file, existsSync(file) ? readFileSync(file, 'utf8') : '']),
      ),
      executions: executions.text(),
      messages: JSON.stringify(inbox.heard),
    }),
    async close() {
      await triggered.close();
      await sandboxes.close();
      await aws.close();
      await sql.close();
      await emulator.authorize(false);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** The three integrations, under the machine's own role. */
function integrations(
  sandboxes: Sandboxes,
  roles: Roles,
  role: Record<string, string>,
  client: object,
  metered: Metered,
): Record<string, Integration> {
  const may = (action: string, resource: string) => {
    if (roles.allows(role.AWS_ACCESS_KEY_ID!, action, resource)) return;
    throw Object.assign(new Error(`not authorized: ${action} on ${resource}`), { name: 'States.Permissions' });
  };
  const sns = new SNSClient({ ...client, credentials: sdkCredentials(role) });
  return {
    'arn:aws:states:::lambda:invoke': async (args, { signal }) => {
      const { FunctionName, Payload } = args as { FunctionName: string; Payload: unknown };
      may('lambda:InvokeFunction', FunctionName);
      const { functions, name, timeoutSeconds } = sandboxes.functions.get(FunctionName)!;
      const begun = performance.now();
      const payload = await functions.invoke(name, Payload, { timeoutSeconds, signal });
      metered.calls += 1;
      metered.functionSeconds += (performance.now() - begun) / 1000;
      return { Payload: payload, StatusCode: 200, ExecutedVersion: '$LATEST' };
    },
    'arn:aws:states:::batch:submitJob.sync': async (args, { signal }) => {
      const { JobDefinition, JobQueue } = args as { JobDefinition: string; JobQueue: string };
      may('batch:SubmitJob', JobDefinition);
      may('batch:SubmitJob', JobQueue);
      const begun = performance.now();
      const done = await sandboxes.jobs.get(JobDefinition.split('/').at(-1)!)!.submitJob(args, { signal });
      metered.jobs += 1;
      metered.jobSeconds += (performance.now() - begun) / 1000;
      return done;
    },
    'arn:aws:states:::sns:publish': async (args) => {
      const { MessageId } = await sns.send(new PublishCommand(args as never));
      return { MessageId };
    },
  };
}

function executionsOf({ arn }: DeployedMachine): string {
  return arn.replace(':stateMachine:', ':execution:');
}

function sdkCredentials({ AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN }: Record<string, string>) {
  return {
    accessKeyId: AWS_ACCESS_KEY_ID!,
    secretAccessKey: AWS_SECRET_ACCESS_KEY!,
    sessionToken: AWS_SESSION_TOKEN!,
  };
}

/** By the commands that `make deploy` prints, typed into a terminal. */
async function fillSecrets(terraform: EmulatedStage['terraform'], shell: Shell): Promise<void> {
  const { output } = await terraform.run(['output', '-json', 'secrets']);
  const secrets = JSON.parse(output) as Record<string, { command: string; wants: string }>;
  await Promise.all(
    Object.entries(secrets).map(async ([vendor, { command, wants }]) => {
      const value = VENDOR_KEYS[vendor]!;
      if (Object.keys(JSON.parse(wants)).join() !== Object.keys(value).join())
        throw new Error(`the secret of ${vendor} is said to want ${wants}`);
      await shell(command, `${JSON.stringify(value)}\n`);
    }),
  );
}

/** A queue that gets what the topic's e-mail addresses get. */
async function subscribe(client: object): Promise<{ read(): Promise<Told[]>; heard: Told[] }> {
  const sqs = new SQSClient(client);
  const { QueueUrl } = await sqs.send(new CreateQueueCommand({ QueueName: 'rehearsal-inbox' }));
  const sns = new SNSClient(client);
  const { Topics = [] } = await sns.send(new ListTopicsCommand({}));
  const TopicArn = Topics.map(({ TopicArn: arn }) => arn).find((arn) => arn?.endsWith(':afterbell-dev-notify'));
  const Endpoint = `arn:aws:sqs:${REGION}:${ACCOUNT}:rehearsal-inbox`;
  await sns.send(new SubscribeCommand({ TopicArn, Protocol: 'sqs', Endpoint }));
  const heard: Told[] = [];
  return {
    heard,
    async read() {
      const told: Told[] = [];
      for (;;) {
        const { Messages = [] } = await sqs.send(new ReceiveMessageCommand({ QueueUrl, MaxNumberOfMessages: 10 }));
        if (Messages.length === 0) {
          heard.push(...told);
          return told;
        }
        for (const { Body = '{}', ReceiptHandle } of Messages) {
          const { Subject, Message } = JSON.parse(Body) as { Subject?: string; Message: string };
          told.push({ ...(Subject ? { subject: Subject } : {}), message: Message });
          await sqs.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle }));
        }
      }
    },
  };
}
