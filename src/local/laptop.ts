import { appendFile, mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { CreateTableCommand, DynamoDBClient, ListTablesCommand } from '@aws-sdk/client-dynamodb';
import { PublishCommand, SNSClient } from '@aws-sdk/client-sns';
import { type Config, environmentOf, loadConfig } from '../config.ts';
import { LIST_VIEWS } from '../datasets/registry.ts';
import { NamedError } from '../errors.ts';
import { writeCatalog } from '../lake/catalog.ts';
import { FileLake, SCRATCH } from '../lake/file-lake.ts';
import { lakeKind } from '../lake/lake.ts';
import { publishedSessions } from '../lake/session-files.ts';
import { lostNotice } from '../night/notice.ts';
import { openStores, type Stores } from '../stores.ts';
import { createTableInput, TABLES, type TableName } from '../tables/definitions.ts';
import { exchangeTime } from '../text.ts';
import { startTables } from './aws/dynamodb.ts';
import { ACCOUNT, awsEnvironment, clientOptions, type LoopbackAws, REGION } from './aws/environment.ts';
import { warehouseBackend } from './aws/pglite.ts';
import { startAwsServer } from './aws/server.ts';
import type { ExecutionDescription, Notification } from './aws/services.ts';
import { randomCredentials } from './aws/signature.ts';
import {
  type Execution,
  laptopMachine,
  type MachineName,
  RULE_TARGETS,
  RunningExecutions,
  ruleFile,
  Triggered,
} from './executions.ts';
import { type Functions, startFunctions } from './functions.ts';
import { type Home, lockDatabases, openHome, requireFreeSpace, unwritable, WRITER_WAITS_MS } from './home.ts';
import { type Jobs, startJobs } from './jobs.ts';
import { keepNewest } from './keep-newest.ts';
import { removeLast } from './last-steps.ts';
import { enterLost, KILLED, type Lost, runOfName } from './lost-executions.ts';
import { requireOpenFiles } from './open-files.ts';
import { isReplayed, keepPractice, type PracticeSettings, practiceOf } from './practice.ts';
import type { Program } from './program.ts';
import type { ExecutionEvent, Integration } from './states/events.ts';
import { runMachine } from './states/run-machine.ts';
import { reachVendors, type Vendors } from './vendors.ts';

/** A job that is told to stop ends in order within this, or is killed, which its next run gets over as well. */
const JOB_STOP_SECONDS = 0.8;

/** How the errors begin with which a machine ends itself; it has told already. */
const OWN_ERRORS = /^(Night|Portfolio|Maintenance)\./;

/** Executions that can be described, the newest: who owns the lake's lock is one of them. */
const KEPT_EXECUTIONS = 1_000;

/** With practice data nobody has to wait for a vendor. */
const PRACTICE_TIME_SCALE = 1 / 300;

export interface LaptopOptions {
  config: Config;
  program: Program;
  misbehave?: readonly string[];
  /** A backfill from flat files needs no vendor. */
  flatFiles?: string;
  /** Analyses come from the real model though the practice market answers for prices. */
  realModel?: boolean;
  /** Multiplies every Wait and Retry delay; by default 1/300 with practice data, else 1. */
  timeScale?: number;
  onNotify?: (notification: Notification) => void;
  /** Told once when readers have the databases open, which are waited for; an abort of `signal` ends the wait. */
  onWait?: (text: string) => void;
  signal?: AbortSignal;
  /** When an execution starts; the computer's clock unless given. */
  now?: () => Date;
}

/** afterbell's cloud in one process: what Terraform provisions, on loopback, over one AFTERBELL_HOME. */
export interface Laptop {
  practice: boolean;
  /** What every Wait and Retry of the machine is multiplied by. */
  timeScale: number;
  home: Home;
  stores: Stores;
  vendors: Vendors;
  /** What the practice market of this home is like, or would be. */
  market: PracticeSettings;
  /** Runs one execution to its end. */
  run(input: object, options: RunOptions): Promise<Execution>;
  /** Waits for what events have started meanwhile, and gives it once; an abort stops it. */
  settled(signal?: AbortSignal): Promise<Execution[]>;
  close(): Promise<void>;
}

export interface RunOptions {
  /** The nightly one unless said. */
  machine?: MachineName;
  /** First words of the execution's name, e.g. `night-2025-11-19`. */
  name: string;
  onEvent?: (event: ExecutionEvent) => void;
  signal?: AbortSignal;
}

/** @throws Home.Busy, Home.Unwritable, also where too few files may be open; Config.Invalid */
export async function openLaptop(options: LaptopOptions): Promise<Laptop> {
  const { config, program, onNotify, onWait, signal, now = () => new Date() } = options;
  requireOpenFiles();
  const home = await openHome(config.AFTERBELL_HOME, { mode: 'write', opening: true });
  const closers: (() => Promise<void>)[] = [() => home.close()];
  // A log that cannot be written ends nothing: what was to be logged is lost, what was to be done is not.
  const log = (file: string, line: object) =>
    appendFile(join(home.folders.logs, file), `${JSON.stringify(line)}\n`).catch(() => undefined);
  const close = async () => {
    // How the work ended is known by now; what cannot be closed in order on a full disk must not hide it.
    for (const closer of closers.splice(0).reverse())
      await closer().catch((error) => log('errors.jsonl', errorLine(error)));
  };
  try {
    const databases = await lockDatabases(home.path, { waitMs: WRITER_WAITS_MS, onWait, signal });
    closers.push(async () => databases.release());
    await requireFreeSpace(home, config);
    await removeLeftovers(home, config);
    const swept = leftoversOf(home, config).map(removeLast);
    closers.push(async () => {
      await removeLeftovers(home, config);
      for (const done of swept) done();
    });
    // Whoever asks others may have a SYMBOLS for another home.
    const isOwnMarket = config.POLYGON_API_KEY === undefined && options.flatFiles === undefined;
    const market = await practiceOf(home.path, isOwnMarket ? config : { ...config, SYMBOLS: undefined });
    const vendors = await reachVendors({ ...options, market, replayed: await isReplayed(home.path) });
    closers.push(vendors.close);
    const credentials = randomCredentials();
    const tables = await startTables({ path: home.folders.tables, credentials });
    closers.push(tables.close);
    const sql = warehouseBackend(config, home.folders.warehouse, program, signal);
    closers.push(() => sql.close());
    const executions = new Map<string, ExecutionDescription>();
    const triggered = new Triggered();
    const aws = await startAwsServer({
      credentials: [credentials],
      sql,
      secrets: vendors.secrets,
      events: {
        rules: ruleFile(program.root) as never,
        onEvent: (event, matchedRules) => {
          for (const machine of matchedRules.map((rule) => RULE_TARGETS[rule]).filter((name) => name !== undefined)) {
            const name = `${machine}-${event.detail.session}`;
            triggered.start((signal) => run(event.detail, { machine, name, signal }));
          }
          return log('events.jsonl', { ...event, matchedRules });
        },
      },
      onNotify: async (notification) => {
        await log('notifications.jsonl', notification);
        onNotify?.(notification);
      },
      describeExecution: (arn) => executions.get(arn),
      onError: (error, during) => void log('errors.jsonl', errorLine(error, during)),
    });
    closers.push(aws.close);
    const loopback = { aws: aws.url, dynamodb: tables.url, credentials };
    const own = settings(config, home, vendors, loopback);
    const env = { ...awsEnvironment(loopback), ...own };
    const stores = await ownStores(own, loopback);
    const functions = startFunctions({
      bundles: program.functions,
      worker: program.local('function-worker'),
      env,
      logFile: join(home.folders.logs, 'functions.jsonl'),
      startProcess: program.processes?.startProcess,
    });
    closers.push(() => functions.close());
    const jobs = startJobs({
      definitions: program.jobs,
      jobProcess: program.local('job-process'),
      env,
      logFile: join(home.folders.logs, 'jobs.jsonl'),
      killAfterSeconds: JOB_STOP_SECONDS,
      attempt: program.processes?.attempt,
    });
    closers.push(() => jobs.close());
    // Each is compiled when it is first run.
    const machines: Partial<Record<MachineName, ReturnType<typeof laptopMachine>>> = {};
    const sns = new SNSClient(clientOptions(aws.url, credentials));
    const running = new RunningExecutions(home.folders.logs);
    // What EventBridge tells of an execution that ended without a word of its own, once; the ledger says the same.
    const settle = async (lost: Lost) => {
      const known = await enterLost(lost, stores);
      if (known !== 'nothing' && !lost.told) {
        const { name, status, error, cause, endedAt } = lost;
        const run = runOfName(name);
        const startTime = lost.startTime || run?.startedAt;
        const began = startTime === undefined ? {} : { began: exchangeTime(startTime) };
        const times = { ...began, time: exchangeTime(endedAt) };
        const session = run?.kind === 'night' ? { session: run.session } : {};
        const link = join(home.folders.logs, 'functions.jsonl');
        const notice = lostNotice({ name, status, error, cause, ...times, ...session, link, stage: 'local' });
        const topicArn = 'arn:aws:sns:us-east-1:000000000000:afterbell-local';
        const notification = { topicArn, ...notice, at: new Date().toISOString() };
        await log('notifications.jsonl', notification);
        onNotify?.(notification);
      }
      if (known !== 'unknown') await running.end(lost);
      else await running.begin({ ...lost, told: true }).catch(() => undefined);
    };
    for (const left of await running.leftBehind())
      await settle({ ...KILLED, endedAt: new Date().toISOString(), ...left });
    await home.setEndpoints({ aws: aws.url, dynamodb: tables.url }, credentials);
    // A home that began before its market was remembered may be of any size.
    const isNew = (await lakeKind(stores.lake).catch(() => null)) === undefined;
    const keepMarket = () =>
      keepPractice(home.path, vendors.replayed ? { replayed: true } : market).catch((error) => {
        throw unwritable(home.path, error);
      });
    const timeScale = options.timeScale ?? (vendors.practice ? PRACTICE_TIME_SCALE : 1);
    // Declared as a function: an event may start an execution.
    async function run(input: object, { machine = 'nightly', name, onEvent, signal }: RunOptions): Promise<Execution> {
      const startTime = now().toISOString();
      const runId = executionName(name, startTime);
      const machineName = `afterbell-local-${machine}`;
      const stateMachineArn = `arn:aws:states:${REGION}:${ACCOUNT}:stateMachine:${machineName}`;
      const arn = `arn:aws:states:${REGION}:${ACCOUNT}:execution:${machineName}:${runId}`;
      const known = { executionArn: arn, stateMachineArn, name: runId, startDate: new Date(startTime) };
      executions.set(arn, { ...known, status: 'RUNNING' });
      keepNewest(executions, KEPT_EXECUTIONS);
      if (machine === 'nightly' && (vendors.replayed || (vendors.embedded && isNew))) await keepMarket();
      await running.begin({ arn, name: runId, startTime }).catch(() => undefined);
      machines[machine] ??= laptopMachine(program.root, machine);
      const result = await runMachine(machines[machine], {
        input,
        execution: { arn, name: runId, startTime },
        stateMachine: { arn: stateMachineArn, name: machineName },
        integrations: integrations(functions, jobs, sns),
        timeScale,
        onEvent,
        signal,
      });
      executions.set(arn, { ...known, status: result.status });
      const { status, error = 'none', cause = 'no cause was given', stoppedAt } = result;
      const isLost = status !== 'SUCCEEDED' && !OWN_ERRORS.test(error);
      const why = status === 'ABORTED' ? stoppedBy(signal) : { error, cause };
      if (isLost) await settle({ arn, name: runId, startTime, status, ...why, endedAt: stoppedAt });
      else await running.end({ name: runId });
      // What was published is published, with or without a catalog of it: the next night writes it again.
      if (machine === 'nightly' && !isLost)
        await catalogOf(stores, scratchOf(home)).catch((error) => log('errors.jsonl', errorLine(error)));
      return { ...result, runId };
    }
    // Closed first: what is stopped must still reach its functions and tables.
    closers.push(() => triggered.close());
    // Before everything: who reads now waits for the end, and does not meet endpoints about to close.
    closers.push(() => home.setEndpoints({}));
    const settled = (signal?: AbortSignal) => triggered.settled(signal);
    return { practice: vendors.practice, timeScale, home, stores, vendors, market, close, run, settled };
  } catch (error) {
    await close();
    throw error;
  }
}

/** The catalog of a lake that holds something. */
async function catalogOf({ lake, config }: Stores, scratch: string): Promise<void> {
  if ((await publishedSessions(lake)).length === 0) return;
  await mkdir(scratch, { recursive: true });
  const { RESAMPLING_INTERVALS: intervals, BENCHMARKS: benchmarks } = config;
  await writeCatalog(lake, scratch, { intervals, lists: LIST_VIEWS, benchmarks });
}

/** Who stopped an execution is what its signal says. */
function stoppedBy(signal: AbortSignal | undefined): Pick<Lost, 'error' | 'cause'> {
  const { reason } = signal ?? {};
  return { error: 'Job.Interrupted', cause: reason instanceof NamedError ? reason.message : 'stopped by hand' };
}

/** Where jobs spill: on the disk of the data directory, and what a killed one has left there goes with the next run. */
function scratchOf(home: Home): string {
  return join(home.path, 'scratch');
}

function leftoversOf(home: Home, config: Config): string[] {
  return [scratchOf(home), ...(config.LAKE_URI ? [] : [join(home.folders.lake, SCRATCH)])];
}

/** What those who were killed have left half done: nobody else writes to this home. */
async function removeLeftovers(home: Home, config: Config): Promise<void> {
  try {
    // A job of a killed command may write a moment longer.
    await rm(scratchOf(home), { recursive: true, force: true, maxRetries: 5 });
    await mkdir(scratchOf(home), { recursive: true });
  } catch (error) {
    throw unwritable(home.path, error);
  }
  // A lake elsewhere may have other writers; the home's own has this process only.
  if (config.LAKE_URI) return;
  const lake = new FileLake(pathToFileURL(home.folders.lake).href);
  await lake.clearScratch();
  await lake.removeEmptyFolders('staging');
}

function errorLine(error: unknown, during = 'closing'): object {
  return { during, error: String(error) };
}

/** Names are unique, sort by time and hold only what Step Functions takes. */
function executionName(name: string, startTime: string): string {
  return `${name}-${startTime.replace(/[-:]|\.\d+Z$/g, '')}-${Math.random().toString(36).slice(2, 6)}`;
}

/** What Terraform sets in the cloud and a user in `.env`, as one environment; nothing else reaches a child. */
function settings(config: Config, home: Home, vendors: Vendors, { aws }: LoopbackAws) {
  if (config.LAKE_URI && !config.LAKE_URI.startsWith('file://')) {
    throw new NamedError('Config.Invalid', {
      what: 'LAKE_URI names a lake this computer cannot hold',
      found: config.LAKE_URI,
      wanted: 'file:///absolute/folder, or none',
      todo: 'A lake on S3 belongs to a deployed stage.',
    });
  }
  return {
    ...environmentOf(config),
    STAGE: 'local',
    LAKE_URI: config.LAKE_URI ?? pathToFileURL(home.folders.lake).href,
    SCRATCH_DIR: scratchOf(home),
    DATABASE_CLUSTER_ARN: `arn:aws:rds:${REGION}:${ACCOUNT}:cluster:afterbell-local`,
    DATABASE_SECRET_ARN: `arn:aws:secretsmanager:${REGION}:${ACCOUNT}:secret:afterbell-local-database`,
    AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true',
    AWS_ENDPOINT_URL_RDS_DATA: aws,
    ...vendors.environment,
  };
}

/** The command line's own stores, over the same endpoints and with the same settings as the functions'. */
async function ownStores(own: Record<string, string>, loopback: LoopbackAws): Promise<Stores> {
  const read = loadConfig(own);
  const { aws, dynamodb, credentials } = loopback;
  const tables = new DynamoDBClient(clientOptions(dynamodb, credentials));
  await createTables(tables, read);
  return openStores(read, { tables, aws: clientOptions(aws, credentials) });
}

async function createTables(client: DynamoDBClient, config: Config): Promise<void> {
  // The names that Terraform gives the same settings.
  const nameOf = (table: TableName) =>
    config[`${table.toUpperCase().replaceAll('-', '_')}_TABLE` as `${'TICKERS' | 'ASSETS' | 'RUNS'}_TABLE`];
  const present = new Set((await client.send(new ListTablesCommand({}))).TableNames ?? []);
  for (const table of Object.keys(TABLES) as TableName[]) {
    if (!present.has(nameOf(table))) await client.send(new CreateTableCommand(createTableInput(table, nameOf(table))));
  }
}

/** The three integrations of our machines, as Step Functions would call them. */
function integrations(functions: Functions, jobs: Jobs, sns: SNSClient): Record<string, Integration> {
  return {
    'arn:aws:states:::lambda:invoke': async (args, { signal }) => {
      const { FunctionName, Payload } = args as { FunctionName: string; Payload: unknown };
      // The state's own TimeoutSeconds ends the call earlier where the machine says so.
      const payload = await functions.invoke(FunctionName, Payload, { timeoutSeconds: 900, signal });
      return { Payload: payload, StatusCode: 200, ExecutedVersion: '$LATEST' };
    },
    'arn:aws:states:::batch:submitJob.sync': (args, { signal }) => jobs.submitJob(args, { signal }),
    'arn:aws:states:::sns:publish': async (args) => {
      const { MessageId } = await sns.send(new PublishCommand(args as never));
      return { MessageId };
    },
  };
}
