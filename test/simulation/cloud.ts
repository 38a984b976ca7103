import { readFileSync } from 'node:fs';
import { eventsRoutes } from '../../src/local/aws/eventbridge.ts';
import type { Routes } from '../../src/local/aws/protocol.ts';
import { executionsRoutes, type Notification, secretsRoutes } from '../../src/local/aws/services.ts';
import type { ExecutionResult } from '../../src/local/states/events.ts';
import { placeholdersIn, renderTemplate } from '../../src/local/states/template.ts';
import type { Folder } from './files.ts';
import { enter, hostOf, type Process, type Program, startProcess } from './process.ts';
import type { Random } from './random.ts';
import { BUCKET, type openStores, wiresOf } from './stores.ts';
import type { Wires } from './wires.ts';
import type { World } from './world.ts';

const REGION = 'us-east-1';
const ACCOUNT = '000000000000';
const NIGHTLY = 'nightly';

export interface CloudOptions {
  /** Folder of the checkout whose state machines run. */
  root: string;
  world: World;
  random: Random;
  program: Program;
  stores: Awaited<ReturnType<typeof openStores>>;
  fetch: Wires['fetch'];
  settings: Record<string, string>;
  secrets: Record<string, string>;
  /** Of a lake on a disk; else it is in S3. */
  folder?: Folder;
  /** Begins with a program whose calendar lacks a closure, until it is upgraded. */
  oldCalendar?: boolean;
  /** Every call goes through the AWS SDK's own middleware. */
  wholeSdk: boolean;
}

export interface Ended extends ExecutionResult {
  runId: string;
  notifications: Notification[];
}

/** The account of a simulated owner: state machines, functions and jobs over the world's stores. */
export class Cloud {
  readonly notifications: Notification[] = [];
  readonly events: { detail: Record<string, unknown> }[] = [];
  /** Executions by ARN that have not ended. */
  readonly running = new Set<string>();
  settings: Record<string, string>;
  readonly #wires: Wires;
  #started = 0;
  #machine: ReturnType<Process['code']['loadMachine']> | undefined;
  /** Each begins when it is needed. */
  #control: Process | undefined;
  #worker: Process | undefined;
  #jobs: Process | undefined;
  readonly #jobEnds = new Set<() => void>();
  #isOlder: boolean;

  constructor(readonly options: CloudOptions) {
    const { root, world, random, stores, fetch, settings, secrets } = options;
    enter(world, random.of('packages'));
    this.settings = settings;
    this.#isOlder = options.oldCalendar === true;
    const routes: Routes = {
      ...secretsRoutes(secrets),
      ...executionsRoutes((arn) => {
        const status = this.running.has(arn) ? 'RUNNING' : 'ABORTED';
        return { executionArn: arn, stateMachineArn: arn, name: arn, startDate: world.now(), status };
      }),
      ...eventsRoutes(
        {
          rules: JSON.parse(readFileSync(`${root}/state-machines/rules.json`, 'utf8')) as never,
          onEvent: (event) => void this.events.push(event),
          now: () => world.now(),
        },
        () => undefined,
      ),
    };
    this.#wires = wiresOf(world, stores, { routes, fetch });
  }

  /** Where state machines run: it outlives functions. */
  get control(): Process {
    this.#control ??= this.#start('control');
    return this.#control;
  }

  /** Where functions run. */
  get worker(): Process {
    this.#worker ??= this.#start('worker');
    return this.#worker;
  }

  /** Where jobs run, one after the other or side by side; they keep nothing. */
  get jobs(): Process {
    this.#jobs ??= this.#start('jobs');
    return this.#jobs;
  }

  #start(name: string, env: Record<string, string> = this.settings): Process {
    this.#started += 1;
    const { program, world, random, folder, wholeSdk } = this.options;
    return startProcess(program, {
      folder,
      isOlder: this.#isOlder,
      wholeSdk,
      world,
      wires: this.#wires,
      name: `${name}${this.#started}`,
      env: { ...ENVIRONMENT, ...env },
      random: random.of(`process ${this.#started}`),
    });
  }

  /** The owner deploys other settings; functions and jobs start over. */
  configure(settings: Record<string, string>): void {
    this.options.world.say(`settings ${JSON.stringify(settings)}`);
    this.settings = settings;
    this.crashFunctions();
    this.crashJobs();
  }

  /** The owner deploys a newer version, which knows all closures. */
  upgrade(): void {
    this.options.world.say('the newest version is deployed');
    this.#isOlder = false;
    this.#control = undefined;
    this.crashFunctions();
    this.crashJobs();
  }

  get isOlder(): boolean {
    return this.#isOlder;
  }

  /** A process that a command runs in. */
  command(): Process {
    return this.#start('command');
  }

  /** Functions are gone in the middle of what they did; the next call meets new ones. */
  crashFunctions(): void {
    const { world } = this.options;
    world.say(`functions die (${this.#worker?.name ?? 'none runs'})`);
    if (this.#worker) world.kill(this.#worker);
    this.#worker = undefined;
    for (const fail of this.#calls.splice(0)) fail();
  }

  #calls: (() => void)[] = [];

  async run(input: object, name: string, signal?: AbortSignal): Promise<Ended> {
    const { world, random } = this.options;
    const startTime = world.now().toISOString();
    const runId = `${name}-${startTime.replace(/[-:]|\.\d+Z$/g, '')}-${random.of(`run ${this.#started} ${world.effects}`).int(1000, 9999)}`;
    const machineName = `afterbell-sim-${NIGHTLY}`;
    const arn = `arn:aws:states:${REGION}:${ACCOUNT}:execution:${machineName}:${runId}`;
    const stateMachineArn = `arn:aws:states:${REGION}:${ACCOUNT}:stateMachine:${machineName}`;
    this.running.add(arn);
    const before = this.notifications.length;
    const { code } = this.control;
    this.#machine ??= code.loadMachine(JSON.parse(nightly(this.options.root)), { name: NIGHTLY });
    const result = await code.runMachine(this.#machine, {
      input,
      execution: { arn, name: runId, startTime },
      stateMachine: { arn: stateMachineArn, name: machineName },
      signal,
      random: () => this.options.random.unit(),
      integrations: {
        'arn:aws:states:::lambda:invoke': async (given) => this.#invoke(given as never),
        'arn:aws:states:::batch:submitJob.sync': async (given) => this.#submit(given as never),
        'arn:aws:states:::sns:publish': async (given) => this.#publish(given as never),
      },
    });
    this.running.delete(arn);
    if (result.status !== 'SUCCEEDED' && !result.error?.startsWith('Night.')) {
      this.#publish({ Subject: `afterbell lost ${result.status}`, Message: result.cause ?? '' });
    }
    return { ...result, runId, notifications: this.notifications.slice(before) };
  }

  #publish({ Subject, Message }: { Subject?: string; Message: string }) {
    const at = this.options.world.now().toISOString();
    this.options.world.say(`notified: ${Subject}`);
    this.notifications.push({ topicArn: 'topic', subject: Subject, message: Message, at });
    return { MessageId: 'message' };
  }

  #invoke({ FunctionName: name, Payload }: { FunctionName: string; Payload: unknown }): Promise<unknown> {
    const { world } = this.options;
    const { worker } = this;
    const handler = worker.code.functions[name as keyof typeof worker.code.functions] as (
      event: unknown,
      context: object,
    ) => Promise<unknown>;
    const deadline = world.elapsed + 900_000;
    const context = {
      awsRequestId: 'request',
      functionName: name,
      getRemainingTimeInMillis: () => Math.max(0, deadline - world.elapsed),
    };
    world.say(`${worker.name} ${name} ${shown(Payload)}`);
    return new Promise((resolve, reject) => {
      const died = () =>
        reject(
          failure('Lambda.Unknown', 'The cause could not be determined because Lambda did not return an error type.'),
        );
      this.#calls.push(died);
      const ended = () => {
        this.#calls = this.#calls.filter((one) => one !== died);
      };
      handler(JSON.parse(JSON.stringify(Payload ?? null)), context).then(
        (result) => {
          if (!worker.alive) return;
          ended();
          world.say(`${worker.name} ${name} → ${shown(result)}`);
          resolve({ Payload: JSON.parse(JSON.stringify(result ?? null)), StatusCode: 200 });
        },
        (error: Error) => {
          if (!worker.alive) return;
          ended();
          world.say(`${worker.name} ${name} ✗ ${error.name}: ${error.message.split('\n')[0]?.slice(0, 200)}`);
          reject(failure(error.name, JSON.stringify({ errorType: error.name, errorMessage: error.message })));
        },
      );
    });
  }

  async #submit(job: SubmitJob): Promise<unknown> {
    const size = job.ArrayProperties?.Size;
    const id = `job-${this.options.world.effects}`;
    const copies = this.options.random.of(`copies of ${id}`);
    if (size === undefined)
      return this.#runTwice(copies.weighted({ no: 18, together: 2 }), () => this.#runJob(job, id, {}));
    const again = this.options.random.chance(0.2) ? this.options.random.int(0, size - 1) : undefined;
    const children = Array.from({ length: size }, (_, index) => {
      const environment = { AWS_BATCH_JOB_ARRAY_INDEX: String(index), AWS_BATCH_JOB_ARRAY_SIZE: String(size) };
      const how = index === again ? copies.weighted({ after: 1, together: 1 }) : 'no';
      return this.#runTwice(how, () => this.#runJob(job, `${id}:${index}`, environment));
    });
    await Promise.all(children);
    return { Status: 'SUCCEEDED' };
  }

  /** Batch may start a job a second time: one whose end it has not heard of, or beside the first copy. */
  async #runTwice(how: 'no' | 'after' | 'together', run: () => Promise<unknown>): Promise<unknown> {
    if (how === 'together') return (await Promise.all([run(), run()]))[0];
    const end = await run();
    return how === 'after' ? run() : end;
  }

  async #runJob(job: SubmitJob, id: string, array: Record<string, string>): Promise<unknown> {
    const name = job.JobDefinition.split('/').at(-1)!.replace(/:\d+$/, '') as 'consolidator' | 'resampler';
    const overrides = Object.fromEntries(
      (job.ContainerOverrides?.Environment ?? []).map(({ Name, Value }) => [Name, Value]),
    );
    const command = job.ContainerOverrides?.Command ?? [];
    for (let attempt = 1; ; attempt += 1) {
      const { code, errors } = await this.job(name, { ...overrides, ...array, AWS_BATCH_JOB_ID: id }, command);
      if (code === 0) return { Status: 'SUCCEEDED', JobId: id };
      if (code === 75 && attempt < 3) continue;
      const reason = errors.at(-1)?.trim() ?? 'Essential container in task exited';
      throw failure(
        'States.TaskFailed',
        JSON.stringify({ Status: 'FAILED', StatusReason: reason, Container: { ExitCode: code, Reason: reason } }),
      );
    }
  }

  /** One job program, from its start to its exit code; killed ones have 137. */
  job(
    name: 'consolidator' | 'resampler',
    env: Record<string, string>,
    argv: string[] = [],
  ): Promise<{ code: number; errors: string[] }> {
    const { world } = this.options;
    const owner = this.jobs;
    const errors: string[] = [];
    const host = hostOf({ ...ENVIRONMENT, ...this.settings, ...env }, errors, argv, owner);
    world.say(`${owner.name} ${name} ${argv.join(' ')}`);
    return new Promise((resolve, reject) => {
      const died = () => resolve({ code: 137, errors });
      this.#jobEnds.add(died);
      owner.code[name](host).then(() => {
        if (!owner.alive) return;
        this.#jobEnds.delete(died);
        const code = Number(host.exitCode ?? 0);
        world.say(`${owner.name} ${name} ends with ${code} ${code === 0 ? '' : errors.at(-1)}`);
        resolve({ code, errors });
      }, reject);
    });
  }

  crashJobs(): void {
    const { world } = this.options;
    world.say(`jobs die (${this.#jobs?.name ?? 'none runs'})`);
    if (this.#jobs) world.kill(this.#jobs);
    this.#jobs = undefined;
    for (const end of this.#jobEnds) end();
    this.#jobEnds.clear();
  }
}

interface SubmitJob {
  JobDefinition: string;
  ArrayProperties?: { Size: number };
  ContainerOverrides?: { Command?: string[]; Environment?: { Name: string; Value: string }[] };
}

export const ENVIRONMENT: Record<string, string> = {
  AWS_REGION: REGION,
  AWS_ACCESS_KEY_ID: 'key',
  AWS_SECRET_ACCESS_KEY: 'secret',
  AWS_EC2_METADATA_DISABLED: 'true',
  AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true',
  POWERTOOLS_SERVICE_NAME: 'afterbell',
  STAGE: 'sim',
  LOG_LEVEL: 'ERROR',
  LAKE_URI: `s3://${BUCKET}`,
  DATABASE_CLUSTER_ARN: `arn:aws:rds:${REGION}:${ACCOUNT}:cluster:sim`,
  DATABASE_SECRET_ARN: `arn:aws:secretsmanager:${REGION}:${ACCOUNT}:secret:sim-database`,
};

function nightly(root: string): string {
  const source = readFileSync(`${root}/state-machines/nightly.asl.json`, 'utf8');
  const values = placeholdersIn(source).map((name) => [name, localName(name)]);
  return renderTemplate(source, Object.fromEntries(values) as Record<string, string>);
}

function localName(placeholder: string): string {
  if (placeholder === 'at_stage') return ' --stage sim';
  if (['consolidator', 'resampler'].includes(placeholder)) return placeholder;
  return placeholder.replaceAll('_', '-');
}

function failure(name: string, message: string): Error {
  return Object.assign(new Error(message), { name });
}

function shown(value: unknown): string {
  const found = JSON.stringify(value) ?? '';
  return found.length > 300 ? `${found.slice(0, 300)}…` : found;
}
