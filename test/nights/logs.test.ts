import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { afterbell } from './command.ts';
import { logLines, MORNING, openScene, type Scene, type SceneOptions, SESSION, warmHome } from './scene.ts';

type Line = Record<string, unknown>;
const recordsOf = (scene: Scene, file = 'functions.jsonl'): Line[] =>
  logLines(scene.home, file).flatMap(({ name, record }) => (record ? [{ ...(record as Line), by: String(name) }] : []));
const metricsOf = (records: Line[]) => records.filter((record) => '_aws' in record);
const dimensionsOf = (metric: Line) =>
  (metric._aws as { CloudWatchMetrics: { Dimensions: string[][] }[] }).CloudWatchMetrics[0]!.Dimensions;

/** A night on a home whose older logs are gone. */
async function runNight(options: SceneOptions = {}) {
  const home = await warmHome();
  rmSync(join(home, 'logs'), { recursive: true });
  const scene = await openScene({ ...options, home });
  const night = await scene.run(MORNING);
  expect([night.outcome.status, night.execution.status]).toEqual(['Succeeded', 'SUCCEEDED']);
  return { scene, night };
}

test('after a good night every function that ran has a result line, found by its run', async () => {
  const { scene, night } = await runNight();
  await scene.laptop.settled();
  const ran = [...new Set(logLines(scene.home, 'functions.jsonl').map(({ name }) => String(name)))].sort();
  // Splits and index members are asked for too; the portfolio's functions follow the night.
  expect(ran).toEqual(expect.arrayContaining(['check-night', 'close-night', 'open-night', 'prepare-warehouse']));
  expect(ran).toEqual(expect.arrayContaining(['publish-session', 'render-report', 'stage-session', 'sync-tickers']));
  await scene.close();
  for (const name of ran.filter((one) => !['list-holdings', 'update-ticker-data'].includes(one))) {
    const { code, stdout } = await afterbell(['logs', name, '--run', night.runId], { AFTERBELL_HOME: scene.home });
    expect([name, code, stdout]).toEqual([name, 0, expect.stringMatching(/^\d\d:\d\d:\d\d \S+ {2}result .*seconds=/m)]);
  }
  const results = recordsOf(scene).filter(({ message }) => message === 'result');
  const byName = (name: string) => results.find(({ by }) => by === name);
  expect(byName('publish-session')).toMatchObject({ runId: night.runId, level: 'INFO', date: SESSION });
  expect(byName('sync-tickers')).toMatchObject({ runId: night.runId, dataset: 'tickers', pages: 1, done: false });
  expect(results.filter(({ runId }) => runId === undefined)).toEqual([]);
});

test('every metric of a dataset names it, whatever else it counts', async () => {
  const { scene } = await runNight();
  const metrics = metricsOf(recordsOf(scene));
  const counted = metrics.filter(({ rows_written }) => rows_written !== undefined);
  const datasets = counted.map(({ dataset }) => dataset);
  expect(datasets).toEqual(expect.arrayContaining(['tickers', 'assets', 'prices', 'metadata', 'valuations']));
  for (const metric of metrics) {
    if (metric.pages === undefined && metric.rejected_rows === undefined) continue;
    expect(metric).toMatchObject({ dataset: expect.any(String), rejected_rows: expect.any(Number) });
    expect(dimensionsOf(metric)).toEqual([['service', 'stage', 'dataset']]);
  }
});

const KEY = 'fk-secret-0123456789';

test('a refusal that waiting got over is counted, and with LOG_LEVEL=DEBUG every vendor request is a line', async () => {
  const { scene, night } = await runNight({
    misbehave: ['rate-limit@dcf:2'],
    env: { VALUATION_UNIVERSE: 'AAPL,MSFT,T', FMP_API_KEY: KEY, LOG_LEVEL: 'DEBUG' },
  });
  const refused = metricsOf(recordsOf(scene)).filter((metric) => 'vendor_429' in metric);
  expect(refused.map(({ by, vendor_429 }) => [by, vendor_429])).toEqual([['sync-valuations', 2]]);
  expect(dimensionsOf(refused[0]!)).toEqual([['service', 'stage', 'dataset']]);

  const requests = recordsOf(scene).filter(({ message }) => message === 'vendor request');
  expect(requests).toHaveLength(night.asked.length);
  expect(requests.filter(({ error }) => error !== undefined)).toMatchObject(
    Array.from({ length: 2 }, () => ({ vendor: 'FMP', error: 'Vendor.RateLimited', level: 'DEBUG' })),
  );
  expect(requests).toContainEqual(
    expect.objectContaining({
      vendor: 'FMP',
      request: 'GET /stable/discounted-cash-flow?symbol=MSFT',
      status: 200,
      runId: night.runId,
      by: 'sync-valuations',
    }),
  );
  expect(readFileSync(join(scene.home, 'logs', 'functions.jsonl'), 'utf8')).not.toContain(KEY);
  const jobs = recordsOf(scene, 'jobs.jsonl');
  expect(jobs).toContainEqual(expect.objectContaining({ level: 'DEBUG', message: 'lake', runId: night.runId }));
});

test('with LOG_LEVEL=WARN functions and jobs say nothing of a good night but their figures', async () => {
  const { scene } = await runNight({ env: { LOG_LEVEL: 'WARN' } });
  expect(recordsOf(scene).filter((record) => !('_aws' in record))).toEqual([]);
  const jobs = recordsOf(scene, 'jobs.jsonl');
  expect(jobs.map(({ job, status }) => [job, status])).toEqual([
    ['consolidate', 'success'],
    ['resample', 'success'],
  ]);
});
