import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { BatchClient, DescribeJobDefinitionsCommand, DescribeJobQueuesCommand } from '@aws-sdk/client-batch';
import { DescribeRuleCommand, EventBridgeClient, ListTargetsByRuleCommand } from '@aws-sdk/client-eventbridge';
import { IAMClient, ListRolesCommand } from '@aws-sdk/client-iam';
import { GetFunctionConfigurationCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { ListBucketsCommand, S3Client } from '@aws-sdk/client-s3';
import { GetScheduleCommand, SchedulerClient } from '@aws-sdk/client-scheduler';
import { DescribeStateMachineCommand, ListStateMachinesCommand, SFNClient } from '@aws-sdk/client-sfn';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { policiesOf } from '../../scripts/check-aws/policies.ts';
import { loadConfig } from '../../src/config.ts';
import { type EventPattern, matches } from '../../src/local/aws/eventbridge.ts';
import { loadMachine } from '../../src/local/states/load.ts';
import { startInput } from '../../src/night/night.ts';
import { HANGS_MS } from '../limits.ts';
import { root, skipped } from '../terraform/tooling.ts';
import { openShell } from './aws-cli.ts';
import { leftOf } from './left.ts';
import { type RehearsedMarket, rehearsedMarket, SYMBOLS } from './market.ts';
import { runNights } from './nights.ts';
import { type EmulatedStage, openEmulatedStage } from './stack.ts';

const functionNames = readdirSync(join(root, 'functions'));
const machineNames = readdirSync(join(root, 'state-machines'))
  .filter((file) => file.endsWith('.asl.json'))
  .map((file) => file.replace('.asl.json', ''));

interface Alarm {
  AlarmName: string;
  TreatMissingData?: string;
  InsufficientDataActions?: string[];
}

let stage: EmulatedStage | undefined;
let market: RehearsedMarket | undefined;
let changes: Promise<string[]> | undefined;

beforeAll(async () => {
  market = rehearsedMarket();
  const opened = await openEmulatedStage({ SYMBOLS: String(SYMBOLS) });
  if (!opened.stage) return skipped(`the dress rehearsal, ${opened.why}`);
  stage = opened.stage;
  await stage.apply();
  // As AWS does by itself (of its services the command line asks RDS at its own address only); the next plan must not want to go back.
  const shell = await openShell(stage.emulator.env);
  await shell(
    'aws rds modify-db-cluster --region us-east-1 --endpoint-url $AWS_ENDPOINT_URL --db-cluster-identifier afterbell-dev-warehouse --engine-version 16.99 --apply-immediately',
  );
  // Meanwhile the first night runs.
  changes = stage.changes().catch((error: Error) => [error.message]);
}, HANGS_MS);

afterAll(async () => {
  await stage?.close();
}, HANGS_MS);

test('every function is the built zip, under settings that the program takes', async ({ skip }) => {
  if (!stage) return skip();
  const lambda = new LambdaClient(stage.client);
  for (const name of functionNames) {
    const found = await lambda.send(new GetFunctionConfigurationCommand({ FunctionName: `afterbell-dev-${name}` }));
    const zip = readFileSync(join(stage.terraform.zips, `${name}.zip`));
    expect(found.CodeSha256, name).toBe(createHash('sha256').update(zip).digest('base64'));
    expect(found).toMatchObject({ Runtime: 'nodejs22.x', Architectures: ['arm64'], Handler: 'index.handler' });
    expect(found.Role, name).toMatch(new RegExp(`role/afterbell-dev-${name}$`));
    expect(found.LoggingConfig?.LogGroup).toBe(`/aws/lambda/afterbell-dev-${name}`);
    const config = loadConfig(found.Environment?.Variables ?? {});
    // The practice market touches nothing, so it is told nothing.
    if (name === 'practice-market')
      expect(config).toMatchObject({ STAGE: 'dev', SYMBOLS, RUNS_TABLE: 'afterbell-local-runs' });
    else
      expect(config).toMatchObject({
        STAGE: 'dev',
        POLYGON_BASE_URL: 'lambda://afterbell-dev-practice-market',
        LAKE_URI: 's3://afterbell-dev-lake-123456789012',
        RUNS_TABLE: 'afterbell-dev-runs',
        EVENT_BUS_NAME: 'afterbell-dev',
        DATABASE_CLUSTER_ARN: expect.stringContaining(':cluster:afterbell-dev-warehouse'),
        DATABASE_SECRET_ARN: expect.stringContaining(':secret:'),
        POLYGON_SECRET_ARN: expect.stringContaining(':secret:afterbell-dev/polygon'),
      });
  }
});

test('every machine as deployed is one that the states engine runs, and calls only what is deployed', async ({
  skip,
}) => {
  if (!stage) return skip();
  const sfn = new SFNClient(stage.client);
  const { stateMachines = [] } = await sfn.send(new ListStateMachinesCommand({}));
  expect(stateMachines.map(({ name }) => name).sort()).toEqual(
    machineNames.map((name) => `afterbell-dev-${name}`).sort(),
  );
  for (const { stateMachineArn, name = '' } of stateMachines) {
    const { definition = '' } = await sfn.send(new DescribeStateMachineCommand({ stateMachineArn }));
    expect(() => loadMachine(JSON.parse(definition), { name })).not.toThrow();
    const called = [...definition.matchAll(/arn:aws:lambda:[^"]*:function:afterbell-dev-([a-z-]+)/g)].map(
      ([, one]) => one,
    );
    expect(called.filter((one) => !functionNames.includes(one!))).toEqual([]);
    expect(definition).not.toContain('${');
  }
});

test('every job runs its image by digest, under settings that the program takes', async ({ skip }) => {
  if (!stage) return skip();
  const batch = new BatchClient(stage.client);
  const { jobDefinitions = [] } = await batch.send(new DescribeJobDefinitionsCommand({ status: 'ACTIVE' }));
  const names = jobDefinitions.map(({ jobDefinitionName }) => jobDefinitionName).sort();
  expect(names).toEqual(readdirSync(join(root, 'batch-images')).map((name) => `afterbell-dev-${name}`));
  for (const { containerProperties } of jobDefinitions) {
    expect(containerProperties?.image).toMatch(/afterbell-dev-\w+@sha256:[0-9a-f]{64}$/);
    const environment = containerProperties?.environment ?? [];
    const config = loadConfig(Object.fromEntries(environment.map(({ name, value }) => [name!, value])));
    expect(config).toMatchObject({
      STAGE: 'dev',
      LAKE_URI: 's3://afterbell-dev-lake-123456789012',
      SCRATCH_DIR: '/scratch',
    });
  }
});

test('the schedule starts the night by an input that the machine takes', async ({ skip }) => {
  if (!stage) return skip();
  const schedule = await new SchedulerClient(stage.client).send(
    new GetScheduleCommand({ Name: 'afterbell-dev-night' }),
  );
  expect(schedule).toMatchObject({
    ScheduleExpression: 'cron(0 4 * * ? *)',
    ScheduleExpressionTimezone: 'America/New_York',
    Target: { Arn: expect.stringMatching(/:stateMachine:afterbell-dev-nightly$/) },
  });
  const input = schedule.Target!.Input!.replace('<aws.scheduler.scheduled-time>', '2025-11-20T09:00:00Z');
  expect(startInput.parse(JSON.parse(input))).toMatchObject({ scheduledTime: '2025-11-20T09:00:00Z' });
});

test('every policy that Terraform shows is one that can be checked on AWS', async ({ skip }) => {
  if (!stage) return skip();
  const { output } = await stage.terraform.run(['show', '-json']);
  const { policies, unknown } = policiesOf(JSON.parse(output));
  expect(unknown).toEqual([]);
  expect(policies.length).toBeGreaterThan(2 * functionNames.length);
  for (const { document } of policies) expect(JSON.parse(document).Statement).toBeDefined();
});

async function ruleOf(name: string, bus?: string): Promise<{ pattern: EventPattern; targets: (string | undefined)[] }> {
  const events = new EventBridgeClient(stage!.client);
  const place = { ...(bus ? { EventBusName: bus } : {}) };
  const rule = await events.send(new DescribeRuleCommand({ Name: `afterbell-dev-${name}`, ...place }));
  const { Targets = [] } = await events.send(new ListTargetsByRuleCommand({ Rule: `afterbell-dev-${name}`, ...place }));
  return { pattern: JSON.parse(rule.EventPattern!) as EventPattern, targets: Targets.map(({ Arn }) => Arn) };
}

test('a night that ended well starts the portfolio machine; one that did not starts nothing', async ({ skip }) => {
  if (!stage) return skip();
  const { pattern, targets } = await ruleOf('night-completed', 'afterbell-dev');
  const event = (status: string, portfolios = true) => {
    return { source: 'afterbell', 'detail-type': 'Night Completed', detail: { status, portfolios } };
  };
  expect(matches(pattern, event('Succeeded', false))).toBe(false);
  expect(['Succeeded', 'Partial', 'Held', 'Failed'].filter((status) => matches(pattern, event(status)))).toEqual([
    'Succeeded',
    'Partial',
  ]);
  expect(targets).toEqual([expect.stringMatching(/:stateMachine:afterbell-dev-portfolio$/)]);
});

test('executions that ended without a word are told; those that told by themselves are not told again', async ({
  skip,
}) => {
  if (!stage) return skip();
  const { pattern, targets } = await ruleOf('execution-lost');
  const arn = (machine: string) => `arn:aws:states:us-east-1:123456789012:stateMachine:afterbell-dev-${machine}`;
  const told = (machine: string, status: string, error?: string) =>
    matches(pattern, {
      source: 'aws.states',
      'detail-type': 'Step Functions Execution Status Change',
      detail: { stateMachineArn: arn(machine), status, ...(error === undefined ? {} : { error }) },
    });
  expect(told('nightly', 'TIMED_OUT')).toBe(true);
  expect(told('portfolio', 'ABORTED')).toBe(true);
  expect(told('nightly', 'FAILED', 'States.Runtime')).toBe(true);
  expect(told('maintenance', 'FAILED')).toBe(true);
  expect(told('nightly', 'FAILED', 'Night.Failed')).toBe(false);
  expect(told('nightly', 'FAILED', 'Night.Held')).toBe(false);
  expect(told('portfolio', 'FAILED', 'Portfolio.Failed')).toBe(false);
  expect(told('maintenance', 'FAILED', 'Maintenance.Failed')).toBe(false);
  expect(told('nightly', 'SUCCEEDED')).toBe(false);
  expect(told('somebody-elses', 'TIMED_OUT')).toBe(false);
  expect(targets).toEqual([expect.stringMatching(/:afterbell-dev-notify$/)]);
});

test('jobs that failed or cannot be placed are kept; jobs of other queues are not', async ({ skip }) => {
  if (!stage) return skip();
  const { jobQueues = [] } = await new BatchClient(stage.client).send(new DescribeJobQueuesCommand({}));
  const ours = jobQueues.find(({ jobQueueName }) => jobQueueName === 'afterbell-dev-jobs')!.jobQueueArn!;
  const event = (type: string, jobQueue: string, status?: string) => ({
    source: 'aws.batch',
    'detail-type': type,
    detail: { jobQueue, jobName: 'consolidate-2025-11-19', ...(status ? { status } : {}) },
  });
  const failed = await ruleOf('job-failed');
  const changed = (status: string, queue = ours) =>
    matches(failed.pattern, event('Batch Job State Change', queue, status));
  expect(['SUBMITTED', 'RUNNABLE', 'RUNNING', 'SUCCEEDED', 'FAILED'].filter((one) => changed(one))).toEqual(['FAILED']);
  expect(changed('FAILED', `${ours}-of-another-stage`)).toBe(false);
  const stuck = await ruleOf('job-stuck');
  expect(matches(stuck.pattern, event('Batch Job Queue Blocked', ours))).toBe(true);
  expect(matches(stuck.pattern, event('Batch Job Queue Blocked', `${ours}-of-another-stage`))).toBe(false);
  const byHand = await ruleOf('job-by-hand-failed');
  const heard = (jobName: string) =>
    matches(byHand.pattern, {
      source: 'aws.batch',
      'detail-type': 'Batch Job State Change',
      detail: { jobQueue: ours, jobName, status: 'FAILED' },
    });
  expect(['by-hand-vacuum', 'by-hand-consolidate', 'another try'].filter((name) => !heard(name))).toEqual([]);
  // As the machines name theirs.
  const named = machineNames.flatMap((name) => {
    const text = readFileSync(join(root, 'state-machines', `${name}.asl.json`), 'utf8');
    return [...text.matchAll(/['"]JobName['"]: ['"](?:\{% ')?([a-z-]+)/g)].map(([, job]) => job!);
  });
  expect(named.sort()).toEqual(['consolidate-', 'resample-', 'vacuum']);
  expect(named.filter((job) => heard(job.endsWith('-') ? `${job}2025-11-19` : job))).toEqual([]);
  const logs = expect.stringMatching(/:log-group:\/aws\/events\/afterbell-dev/);
  expect([failed.targets, stuck.targets]).toEqual([[logs], [logs]]);
});

test('maintenance is scheduled for the month’s first Sunday, after its night', async ({ skip }) => {
  if (!stage) return skip();
  const schedule = await new SchedulerClient(stage.client).send(
    new GetScheduleCommand({ Name: 'afterbell-dev-maintenance' }),
  );
  expect(schedule).toMatchObject({
    ScheduleExpression: 'cron(0 12 ? * 1#1 *)',
    ScheduleExpressionTimezone: 'America/New_York',
    Target: { Arn: expect.stringMatching(/:stateMachine:afterbell-dev-maintenance$/), Input: '{}' },
  });
});

test('an alarm notifies of a job by hand that failed, and none has anything to say before the first night', async ({
  skip,
}) => {
  if (!stage) return skip();
  const shell = await openShell(stage.emulator.env);
  const { MetricAlarms } = JSON.parse(await shell('aws cloudwatch describe-alarms --region us-east-1')) as {
    MetricAlarms: Alarm[];
  };
  const alarms = Object.fromEntries(
    MetricAlarms.map((alarm) => [alarm.AlarmName.replace('afterbell-dev-', ''), alarm]),
  );
  expect(alarms['job-by-hand']).toMatchObject({
    Dimensions: [{ Name: 'RuleName', Value: 'afterbell-dev-job-by-hand-failed' }],
    AlarmActions: [expect.stringMatching(/:afterbell-dev-notify$/)],
  });
  expect(MetricAlarms.filter(({ TreatMissingData }) => TreatMissingData === 'breaching')).toEqual([]);
  expect(MetricAlarms.flatMap(({ InsufficientDataActions }) => InsufficientDataActions ?? [])).toHaveLength(2);
});

const closeCloud = runNights(() => stage && market && { stage, market });

test(
  'a second plan changes nothing, and no night changes what Terraform made',
  async ({ skip }) => {
    if (!stage) return skip();
    expect(await changes).toEqual([]);
  },
  HANGS_MS,
);

test(
  'destroy leaves nothing but the roles of AWS services',
  async ({ skip }) => {
    if (!stage) return skip();
    await closeCloud();
    // The same look sees all of it while it is there.
    const kinds = Object.keys(await leftOf(stage.emulator, 'dev'));
    expect(kinds).toEqual(
      expect.arrayContaining(['buckets', 'secrets', 'repositories', 'logGroups', 'databases', 'clusters']),
    );
    await stage.destroy();
    const { client } = stage;
    // Of any name, not only the stage's.
    const { Buckets = [] } = await new S3Client({ ...client, forcePathStyle: true }).send(new ListBucketsCommand({}));
    const { Roles = [] } = await new IAMClient(client).send(new ListRolesCommand({}));
    const roles = Roles.filter(({ Path }) => !Path?.startsWith('/aws-service-role/'));
    expect({ buckets: Buckets, roles }).toEqual({ buckets: [], roles: [] });
    expect(await leftOf(stage.emulator, 'dev')).toEqual({});
    expect((await stage.terraform.run(['state', 'list'])).output.trim()).toBe('');
  },
  HANGS_MS,
);
