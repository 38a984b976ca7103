import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BatchClient, DescribeJobsCommand } from '@aws-sdk/client-batch';
import { expect, test } from 'vitest';
import type { Stage } from '../../src/deployed/stage.ts';
import { HANGS_MS } from '../limits.ts';
import { cli } from '../nights/program.ts';
import { root } from '../terraform/tooling.ts';
import { openShell } from './aws-cli.ts';
import type { Cloud } from './cloud.ts';
import type { RehearsedMarket } from './market.ts';
import { registerRestoreDrill } from './restore.ts';

const SESSION = '2025-11-20';
/** Before the first session that the stage holds. */
const EARLIER = '2025-11-18';

interface Open {
  cloud: Cloud;
  dev: Stage;
  market: RehearsedMarket;
}

interface Said {
  code: number;
  stdout: string;
  stderr: string;
}

interface Outcome {
  status: string;
  runId: string;
  reasons: string[];
  datasets: { name: string; status: string; rows: number }[];
}

/** An operator's environment: where AWS is, and whose key is used. */
export function operatorShell({ endpoints, operator }: Cloud): Record<string, string> {
  const { accessKeyId, secretAccessKey } = operator.credentials;
  return { ...endpoints, AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey };
}

/** The bundled command line at the stage, as an operator runs it. */
export function operate(cloud: Cloud, ...args: string[]): Promise<Said> {
  const env = { PATH: process.env.PATH, ...operatorShell(cloud) };
  return new Promise((resolve) => {
    execFile(process.execPath, [cli, ...args, '--stage', 'dev'], { cwd: tmpdir(), env }, (error, stdout, stderr) =>
      resolve({ code: error ? Number(error.code ?? 1) : 0, stdout, stderr }),
    );
  });
}

/** The runbook's lines for jobs by hand, as they stand there. */
function submitLines(): string[] {
  const page = readFileSync(join(root, 'docs/runbook.md'), 'utf8');
  return page.match(/^aws batch submit-job .*$/gm)!;
}

/** Registers what an operator does with the bundled command line and `--stage dev`, after a night that was stopped. */
export function registerVerbs(open: () => Open | undefined): void {
  const afterbell = (...args: string[]) => operate(open()!.cloud, ...args);
  const answers = async (code: number, ...args: string[]) => {
    const said = await afterbell(...args, '--json');
    if (said.code !== code) throw new Error(`${args.join(' ')} ended with ${said.code}: ${said.stdout}${said.stderr}`);
    return JSON.parse(said.stdout);
  };
  const count = (where: string) => answers(0, 'query', `SELECT count(*) AS bars FROM bars WHERE ${where}`);
  let held: Outcome;

  test(
    'the command line drives a night over the lock of the stopped one; a list and a session are held, and told',
    async ({ skip }) => {
      const opened = open();
      if (!opened) return skip();
      const { cloud, dev, market } = opened;
      const { runs } = dev.stores;
      const old = new Date(Date.now() - 24 * 3_600_000).toISOString();
      await runs.saveLastSync('tickers', { ...(await runs.lastSync('tickers'))!, lastSyncTimestamp: old });
      // The session lies staged as the stopped night has left it, refused rows and all.
      market.misbehave(['half-missing@tickers']);
      const night = await afterbell('night', '--session', SESSION, '--json');
      market.misbehave([]);
      expect(night.stderr).toContain('console.aws.amazon.com');
      held = JSON.parse(night.stdout);
      expect(held).toMatchObject({ status: 'Held', session: SESSION });
      expect(night.code).toBe(4);
      const statusOf = Object.fromEntries(held.datasets.map(({ name, status }) => [name, status]));
      expect(statusOf).toMatchObject({ tickers: 'held', prices: 'held' });
      const [told, ...more] = await cloud.told();
      expect(more).toEqual([]);
      expect(told).toMatchObject({ subject: `afterbell Held: session ${SESSION}` });
      expect(told!.message).toContain(`npx afterbell release ${held.runId} --stage dev`);
      expect(await cloud.settled()).toMatchObject([{ status: 'FAILED', error: 'Night.Held' }]);
    },
    HANGS_MS,
  );

  test(
    'status names what is held; its release publishes bars, refused rows and the list, and starts the analyses',
    async ({ skip }) => {
      const opened = open();
      if (!opened) return skip();
      const status = await answers(1, 'status');
      expect(status.heldLists).toMatchObject([{ dataset: 'tickers', runId: held.runId }]);
      expect(status.heldRuns).toMatchObject([{ runId: held.runId, sessions: expect.arrayContaining([SESSION]) }]);
      const released: Outcome = await answers(0, 'release', held.runId);
      expect(released.datasets.map(({ name, status: word }) => [name, word])).toEqual(
        expect.arrayContaining([
          ['tickers', 'success'],
          ['prices', 'success'],
        ]),
      );
      expect(await opened.dev.stores.lake.read(`quarantine/date=${SESSION}.jsonl`)).toBeDefined();
      const portfolioRuns = await opened.cloud.settled();
      expect(portfolioRuns.map(({ status: word }) => word)).toEqual(['SUCCEEDED', 'SUCCEEDED']);
    },
    HANGS_MS,
  );

  test(
    'one missing session is backfilled; a lane, both jobs, an analysis and a vacuum run when they are asked for',
    async ({ skip }) => {
      const opened = open();
      if (!opened) return skip();
      const far = await afterbell('night', '--session', '2001-01-02');
      expect(far.stderr).toMatch(/backfill --from 2001-01-02 --to \S+ --stage dev/);
      const range = ['--from', EARLIER, '--to', EARLIER];
      expect(await answers(0, 'backfill', ...range, '--dry-run')).toMatchObject({ missing: 1 });
      expect(await answers(0, 'backfill', ...range)).toMatchObject([{ status: 'Succeeded', kind: 'backfill' }]);
      const data = JSON.stringify({ session: SESSION });
      for (const task of [['sync-splits'], ['consolidate'], ['resample', '--mode', 'full']]) {
        const done: Outcome = await answers(0, 'run', ...task, '--data', data);
        expect(done, task[0]).toMatchObject({ status: 'Succeeded', kind: 'task' });
        expect(done.datasets.map(({ status }) => status)).toEqual(['success']);
      }
      const outcome = await answers(0, 'analyze', '--portfolio', 'core', '--force');
      expect(outcome).toMatchObject({ status: 'Succeeded', portfolios: [{ portfolio: 'core', status: 'analysed' }] });
      const batch = new BatchClient({
        ...opened.cloud.operator,
        endpoint: opened.cloud.endpoints.AWS_ENDPOINT_URL_BATCH,
      });
      // As jobs of their own on the deployed queue.
      expect(await answers(0, 'vacuum')).toMatchObject({ status: 'success' });
      // The real AWS command line, and the lines as a person pastes them.
      const shell = await openShell(operatorShell(opened.cloud));
      const lines = submitLines();
      expect(lines.map((line) => / --job-definition (\S+)/.exec(line)?.[1])).toEqual([
        'afterbell-dev-consolidator',
        'afterbell-dev-resampler',
      ]);
      for (const line of lines) {
        expect(line).toContain('--region us-east-1');
        const { jobId } = JSON.parse(await shell(line)) as { jobId: string };
        const ask = new DescribeJobsCommand({ jobs: [jobId] });
        await expect.poll(async () => (await batch.send(ask)).jobs?.[0]?.status, { interval: 200 }).toBe('SUCCEEDED');
      }
      await opened.cloud.settled();
    },
    HANGS_MS,
  );

  test(
    'lake, warehouse, portfolios and logs are read from afar, and everything is as it has to be',
    async ({ skip }) => {
      const opened = open();
      if (!opened) return skip();
      await opened.cloud.deliverLogs();
      const prices = 'SELECT count(*)::int AS rows FROM stock_prices';
      const [status, lake, warehouse, portfolios, vacuum, verified, function_, job, page] = await Promise.all([
        answers(1, 'status'),
        count(`date = '${EARLIER}'`),
        answers(0, 'query', '--warehouse', prices),
        answers(0, 'portfolios'),
        answers(0, 'vacuum', '--dry-run'),
        answers(0, 'verify'),
        afterbell('logs', 'sync-tickers', '--run', held.runId),
        afterbell('logs', 'consolidator'),
        answers(0, 'report', '--session', SESSION),
      ]);
      expect(readFileSync(page.path, 'utf8')).toContain(`reports/date=${SESSION}/`);
      // Sessions are as of a practice market whose calendar stands still: prices are behind, and nothing else is wrong.
      expect(status.health.troubles).toMatchObject([{ code: 1, what: expect.stringMatching(/^prices are /) }]);
      expect(status).toMatchObject({
        heldLists: [],
        heldRuns: [],
        sessions: { first: EARLIER, last: SESSION },
      });
      expect(lake[0].bars).toBeGreaterThan(20);
      expect(warehouse[0].rows).toBeGreaterThan(60);
      expect(portfolios).toMatchObject([{ portfolio: 'core', lastAnalysis: { dataAsOf: SESSION } }]);
      expect(vacuum).toMatchObject({ dryRun: true, filesDeleted: 0 });
      expect(verified.clean).toBe(true);
      expect([function_.code, job.code]).toEqual([0, 0]);
      expect(function_.stdout).toMatch(/page/);
      expect(job.stdout.length).toBeGreaterThan(100);
    },
    HANGS_MS,
  );

  registerRestoreDrill(() => {
    const opened = open();
    return opened && { ...opened, clean: async () => (await afterbell('verify')).code === 0 };
  });
}
