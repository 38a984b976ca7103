import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DynamoDBClient, PutItemCommand, ScanCommand } from '@aws-sdk/client-dynamodb';
import { EventBridgeClient, PutEventsCommand } from '@aws-sdk/client-eventbridge';
import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { GetScheduleCommand, SchedulerClient } from '@aws-sdk/client-scheduler';
import { GetSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { expect, test } from 'vitest';
import { openStage, type Stage } from '../../src/deployed/stage.ts';
import { keys, listAll, readJson } from '../../src/lake/lake.ts';
import type { Requests } from '../../src/lake/lake-requests.ts';
import { costOf } from '../../src/night/cost.ts';
import { Analyses } from '../../src/portfolio/analyses.ts';
import type { NightCost, NightReport } from '../../src/records/run.ts';
import { storePrices } from '../../src/warehouse/prices.ts';
import { bar } from '../checks/bars.ts';
import { HANGS_MS } from '../limits.ts';
import { temporaryFolder } from '../local/programs.ts';
import { BUSY_TIMES, type Cloud, openCloud } from './cloud.ts';
import type { RehearsedMarket } from './market.ts';
import { registerPracticeSteps } from './practice.ts';
import { say } from './say.ts';
import { findSecrets } from './secrets.ts';
import { VENDOR_KEYS } from './settings.ts';
import type { EmulatedStage } from './stack.ts';
import { operate, operatorShell, registerVerbs } from './verbs.ts';

const OLD = '2015-11-18';

/** Imports one portfolio of one position, from a file as somebody writes it down; answers the exit code. */
async function importPortfolio(cloud: Cloud): Promise<number> {
  const path = join(temporaryFolder(), 'core.csv');
  writeFileSync(path, 'symbol,quantity\nAAPL,5\n');
  return (await operate(cloud, 'portfolios', '--import', path)).code;
}

/** What the night says it cost is within a tenth of what was seen from outside of it, at the same prices. */
function requireCost(
  cost: NightCost,
  night: Awaited<ReturnType<Cloud['run']>>,
  lake: Requests,
  toClose: Requests,
): void {
  const { transitions, calls, functionSeconds, jobs, jobSeconds } = night.metered;
  const seconds = (Date.parse(night.stoppedAt) - Date.parse(night.startedAt)) / 1000;
  const seen = costOf(
    {
      transitions,
      functionCalls: calls,
      functionGbSeconds: functionSeconds,
      jobVcpuSeconds: (60 * jobs + jobSeconds) * 2,
      s3Reads: lake.reads,
      s3Writes: lake.writes,
      acuSeconds: seconds + 900,
    },
    true,
  );
  say(
    `the night says ${JSON.stringify(cost.parts)} ${JSON.stringify(cost.quantities)}; seen: ${JSON.stringify(seen.parts)} ${JSON.stringify(seen.quantities)}`,
    performance.now(),
  );
  expect(cost.paid).toBe(true);
  const within = (told: number, found: number) => expect(Math.abs(told - found)).toBeLessThan(0.1 * found);
  within(cost.usd, seen.usd);
  // The warehouse's share is the largest, and an estimate on both sides: it hides nothing of the others.
  const { quantities } = cost;
  within(quantities.transitions, transitions);
  within(quantities.jobVcpuSeconds, seen.quantities.jobVcpuSeconds);
  within(quantities.s3Reads + quantities.s3Writes, toClose.reads + toClose.writes);
  expect(quantities.functionCalls).toBe(calls);
}

/**
 * Registers the tests that run what the stage has deployed; in order, for each goes on where the one before ended.
 * @returns what ends the cloud they have opened, to be called before the stage is destroyed
 */
export function runNights(
  open: () => { stage: EmulatedStage; market: RehearsedMarket } | undefined,
): () => Promise<void> {
  let cloud: Cloud | undefined;
  let dev: Stage;
  /** What Scheduler sends at this instant, as deployed. */
  const scheduled = async (name: string, instant: string): Promise<object> => {
    const found = await new SchedulerClient(cloud!.operator).send(
      new GetScheduleCommand({ Name: `afterbell-dev-${name}` }),
    );
    expect(found.Target?.Arn).toBe(cloud!.deployed.machines.find((one) => one.name.startsWith(name))?.arn);
    return JSON.parse(found.Target!.Input!.replace('<aws.scheduler.scheduled-time>', instant));
  };

  test(
    'the first night of the deployed stage succeeds, every function and job under its own role',
    async ({ skip }) => {
      const opened = open();
      if (!opened) return skip();
      cloud = await openCloud(opened.stage, opened.market);
      Object.assign(process.env, operatorShell(cloud));
      dev = await openStage('dev');
      const input = await scheduled('night', '2025-11-20T09:00:00Z');
      const before = await cloud.lakeRequests();
      let atClose: Promise<Requests> | undefined;
      const retried: (string | undefined)[] = [];
      const night = await cloud.run('nightly', input, 'night-2025-11-19', {
        onEvent: ({ type, error, state }) => {
          if (type === 'TaskScheduled' && state === 'Close Night') atClose ??= cloud!.lakeRequests();
          if (type === 'TaskRetried') retried.push(error);
        },
      });
      expect(cloud.refused()).toEqual([]);
      const after = await cloud.lakeRequests();
      // The bus was busy; the event that starts the portfolio machine arrived all the same.
      expect(retried).toEqual(Array.from({ length: BUSY_TIMES }, () => 'Night.EventRefused'));
      expect(night).toMatchObject({ status: 'SUCCEEDED', output: { status: 'Succeeded', session: '2025-11-19' } });
      const { lake, tables, warehouse } = dev.stores;
      const report = await readJson<NightReport>(lake, keys.report('2025-11-19', 'night.json'));
      expect(report).toMatchObject({ runId: night.runId, status: 'Succeeded', practice: true });
      const since = ({ reads, writes }: Requests) => ({ reads: reads - before.reads, writes: writes - before.writes });
      requireCost(report!.cost!, night, since(after), since(await atClose!));
      const statuses = report!.datasets.map(({ name, status }) => `${name} ${status}`);
      expect(statuses).toEqual(
        'tickers splits dividends assets index_members metadata valuations prices consolidate resample'
          .split(' ')
          .map((name) => `${name} success`),
      );
      const rowsOf = Object.fromEntries(report!.datasets.map(({ name, rows }) => [name, rows]));
      expect(new TextDecoder().decode(await lake.read(keys.report('2025-11-19', 'index.html')))).toContain(
        '2025-11-19',
      );
      const { Count } = await tables.send(new ScanCommand({ TableName: dev.config.TICKERS_TABLE, Select: 'COUNT' }));
      expect(Count).toBe(rowsOf.tickers);
      const prices = `SELECT count(*)::int AS rows FROM stock_prices WHERE date = '2025-11-19'`;
      expect(await warehouse.query(prices)).toEqual([{ rows: rowsOf.prices }]);
      expect(await listAll(lake, 'staging/')).toEqual([]);
      expect((await listAll(lake, 'silver/')).length).toBeGreaterThan(0);
      expect(await cloud.told()).toEqual([]);
    },
    HANGS_MS,
  );

  test(
    'its event starts the portfolio machine by the deployed rule, which finds empty tables, and nobody is notified',
    async ({ skip }) => {
      if (!cloud) return skip();
      expect(dev.config.USER_PORTFOLIOS_TABLE).toBe('afterbell-dev-user-portfolios');
      expect(await cloud.settled()).toMatchObject([{ status: 'SUCCEEDED' }]);
      const heard = cloud.events.map(({ event, rules }) => [event['detail-type'], event.detail.status, rules]);
      expect(heard).toEqual([
        ['Night Completed', 'Succeeded', ['night-completed']],
        ['Step Functions Execution Status Change', 'SUCCEEDED', []],
        ['Step Functions Execution Status Change', 'SUCCEEDED', []],
      ]);
      expect(await cloud.told()).toEqual([]);
    },
    HANGS_MS,
  );

  test(
    'once portfolios are imported into the stage’s own tables, the same event has them analysed',
    async ({ skip }) => {
      if (!cloud) return skip();
      expect(await importPortfolio(cloud)).toBe(0);
      const { event } = cloud.events.find(({ rules }) => rules.includes('night-completed'))!;
      const run = await cloud.run('portfolio', event.detail, 'portfolio-by-hand');
      expect(run).toMatchObject({ status: 'SUCCEEDED', output: { status: 'Succeeded', session: '2025-11-19' } });
      expect(await new Analyses(dev.stores.tables, dev.config).last('core')).toMatchObject({
        dataAsOf: '2025-11-19',
        model: 'grok-practice',
      });
      expect(await cloud.told()).toEqual([]);
    },
    HANGS_MS,
  );

  test(
    'a night whose vendor refuses the key fails, and the topic tells once: what failed, why, and what repairs it',
    async ({ skip }) => {
      const opened = open();
      if (!cloud || !opened) return skip();
      cloud.events.length = 0;
      opened.market.misbehave(['unauthorized@polygon']);
      const input = await scheduled('night', '2025-11-21T09:00:00Z');
      const night = await cloud.run('nightly', input, 'night-2025-11-20');
      opened.market.misbehave([]);
      expect(night).toMatchObject({ status: 'FAILED', error: 'Night.Failed' });
      expect(night.cause).toContain('POLYGON_API_KEY was refused');
      const told = await cloud.told();
      expect(told).toEqual([
        { subject: 'afterbell Failed: session 2025-11-20', message: expect.stringContaining(night.runId) },
      ]);
      const [{ message }] = told as [{ message: string }];
      expect(message).toContain('POLYGON_API_KEY was refused');
      expect(message).toMatch(/^Repair: npx afterbell night --session 2025-11-20 --stage dev/m);
      // The rule for executions that ended without a word is quiet, and nothing starts the portfolio machine.
      expect(cloud.events.map(({ event, rules }) => [event.detail.status, rules])).toEqual([['FAILED', []]]);
      expect(await cloud.settled()).toEqual([]);
    },
    HANGS_MS,
  );

  test(
    'a night that is stopped is told by the deployed rule',
    async ({ skip }) => {
      const opened = open();
      if (!cloud || !opened) return skip();
      cloud.events.length = 0;
      opened.market.misbehave(['wrong-types@grouped']);
      const stop = new AbortController();
      const stopped = cloud.run('nightly', { session: '2025-11-20' }, 'night-2025-11-20', {
        signal: stop.signal,
        onEvent: ({ type, state }) => {
          if (type === 'TaskScheduled' && state === 'Check Night') stop.abort();
        },
      });
      expect(await stopped).toMatchObject({ status: 'ABORTED' });
      opened.market.misbehave([]);
      expect(cloud.events.map(({ event, rules }) => [event.detail.status, rules])).toEqual([
        ['ABORTED', ['execution-lost']],
      ]);
      const [told, ...more] = await cloud.told();
      expect(told?.message).toMatch(/^Interrupted: execution night-2025-11-20-\w+ stopped .*\(ABORTED\)/);
      expect(told?.message).toMatch(/^Repair: npx afterbell night --stage dev$/m);
      expect(more).toEqual([]);
      // Whatever stands in a cause, the notice arrives.
      const cause = 'the "end"\n{"of": \\ everything}';
      await cloud.tellEnd('nightly', { status: 'FAILED', error: 'States.Runtime', cause, runId: 'night-1' });
      expect(await cloud.told()).toMatchObject([{ message: expect.stringContaining('Error: States.Runtime') }]);
    },
    HANGS_MS,
  );

  registerVerbs(() => cloud && { cloud, dev, market: open()!.market });

  test(
    'the maintenance machine moves old prices into the lake',
    async ({ skip }) => {
      if (!cloud) return skip();
      const { warehouse } = dev.stores;
      await storePrices(warehouse, OLD, [bar('AAPL', OLD)]);
      const done = await cloud.run(
        'maintenance',
        await scheduled('maintenance', '2025-12-07T17:00:00Z'),
        'maintenance',
      );
      expect(done).toMatchObject({ status: 'SUCCEEDED', output: { sessions: 1, deleted: 1, savedToLake: 1 } });
      const left = `SELECT count(*)::int AS rows FROM stock_prices WHERE date = '${OLD}'`;
      expect(await warehouse.query(left)).toEqual([{ rows: 0 }]);
    },
    HANGS_MS,
  );

  test('nights send SQL as a user who may change rows and nothing else', async ({ skip }) => {
    if (!cloud) return skip();
    const { warehouse } = dev.stores;
    expect(await warehouse.query('SELECT current_user AS name')).toEqual([{ name: 'afterbell_nights' }]);
    for (const sql of [
      'CREATE TABLE mine (id INT)',
      'DROP TABLE stock_prices',
      'ALTER TABLE nights ADD COLUMN mine INT',
      `INSERT INTO schema_migrations (id) VALUES ('999')`,
      'CREATE ROLE another',
    ])
      await expect(warehouse.query(sql), sql).rejects.toThrow(/permission denied|must be owner/);
  });

  test('no secret’s value is in state, zips, machines, logs, executions or messages', async ({ skip }) => {
    const opened = open();
    if (!cloud || !opened) return skip();
    const { values, places, found } = await findSecrets(cloud, opened.stage);
    // And the passwords of the database's owner and of the nights' user.
    expect(values.length).toBe(Object.values(VENDOR_KEYS).flatMap(Object.values).length + 2);
    expect(places).toEqual(
      expect.arrayContaining(['terraform.tfstate', 'open-night.zip', 'nightly', 'executions', 'messages']),
    );
    expect(found).toEqual([]);
  });

  registerPracticeSteps(() => cloud && { cloud, stage: open()!.stage });

  test('every role had the permissions it needs, and no more', async ({ skip }) => {
    if (!cloud) return skip();
    expect(cloud.refused()).toEqual([]);
    const client = { ...cloud.operator, credentials: cloud.credentialsOf('render-report') };
    const {
      LAKE_URI = '',
      RUNS_TABLE,
      POLYGON_SECRET_ARN,
    } = cloud.deployed.functions.find(({ name }) => name === 'open-night')!.env;
    const s3 = new S3Client({ ...client, forcePathStyle: true });
    const put = (Key: string) => s3.send(new PutObjectCommand({ Bucket: new URL(LAKE_URI).hostname, Key, Body: 'x' }));
    const events = new EventBridgeClient({ ...client, endpoint: cloud.endpoints.AWS_ENDPOINT_URL_EVENTBRIDGE });
    const entry = { Source: 'afterbell', DetailType: 'x', Detail: '{}', EventBusName: 'afterbell-dev' };
    await put('reports/rehearsal');
    const refusals = [
      () => put('bronze/rehearsal'),
      () => new DynamoDBClient(client).send(new PutItemCommand({ TableName: RUNS_TABLE, Item: { id: { S: 'x' } } })),
      () => new SecretsManagerClient(client).send(new GetSecretValueCommand({ SecretId: POLYGON_SECRET_ARN })),
      () => events.send(new PutEventsCommand({ Entries: [entry] })),
    ];
    for (const beyond of refusals) await expect(beyond()).rejects.toThrow();
    expect(cloud.refused().map((line) => line.split(':').slice(0, 2).join(':'))).toEqual([
      'afterbell-dev-render-report s3:PutObject arn',
      'afterbell-dev-render-report dynamodb:PutItem arn',
      'afterbell-dev-render-report secretsmanager:GetSecretValue arn',
      'afterbell-dev-render-report events:PutEvents arn',
    ]);
  });

  return async () => cloud?.close();
}
