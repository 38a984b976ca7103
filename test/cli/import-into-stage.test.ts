import { mkdirSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { expect, test, vi } from 'vitest';
import { startLoopbackS3 } from '../../scripts/bench/loopback-s3.ts';
import type { Context } from '../../src/cli/context.ts';
import { importOriginal } from '../../src/cli/import.ts';
import { loadConfig } from '../../src/config.ts';
import { consolidate } from '../../src/jobs/consolidate/consolidate.ts';
import { jsonBytes, keys, listAll } from '../../src/lake/lake.ts';
import { openLake } from '../../src/lake/open-lake.ts';
import { afterThisTest } from '../cleanup.ts';

test('a lake of the original layout is imported into the bucket of a stage, whose own jobs follow it', async () => {
  const s3 = await startLoopbackS3();
  const own = {
    AWS_ENDPOINT_URL_S3: s3.url,
    AWS_ACCESS_KEY_ID: 'a',
    AWS_SECRET_ACCESS_KEY: 'b',
    AWS_REGION: 'us-east-1',
  };
  for (const [name, value] of Object.entries(own)) vi.stubEnv(name, value);
  afterThisTest(async () => {
    vi.unstubAllEnvs();
    await s3.close();
  });
  const from = mkdtempSync(join(tmpdir(), 'afterbell-original-'));
  const instance = await DuckDBInstance.create(':memory:');
  const connection = await instance.connect();
  for (const symbol of ['AAA', 'BBB']) {
    const folder = join(from, 'bronze/raw_ohlcv', `symbol=${symbol}`);
    mkdirSync(folder, { recursive: true });
    await connection.run(`COPY (SELECT '${symbol}' AS symbol, 10.0 AS open, 12.0 AS high, 9.0 AS low, 11.0 AS close, 5 AS volume,
      unnest([TIMESTAMP '2024-05-01', TIMESTAMP '2024-05-02', TIMESTAMP '2024-05-04']) AS timestamp) TO '${folder}/data.parquet' (FORMAT parquet)`);
  }
  connection.closeSync();
  instance.closeSync();

  const config = loadConfig({ LAKE_URI: 's3://afterbell-dev-lake-1', STAGE: 'dev' });
  const lake = openLake(config.LAKE_URI!);
  const started: object[] = [];
  const lines: string[] = [];
  const run = async (_machine: string, input: object, { name }: { name: string }) => {
    started.push(input);
    const { task, session } = input as { task: string; session: string };
    if (task === 'consolidate') await consolidate(lake, { mode: 'full', maxWorkers: 4, runId: name });
    const report = { runId: name, session, kind: 'task', status: 'Succeeded', datasets: [], reasons: [] };
    await lake.write(keys.report(session, `run=${name}.json`), jsonBytes(report));
    const output = { status: 'Succeeded', session, report: keys.report(session, `run=${name}.json`) };
    return {
      runId: name,
      status: 'SUCCEEDED',
      output,
      startedAt: '2025-01-02T00:00:00Z',
      stoppedAt: '2025-01-02T00:00:01Z',
    };
  };
  const context = {
    config,
    now: new Date('2025-01-03T12:00:00Z'),
    signal: new AbortController().signal,
    terminal: { json: false, print: (text: string | string[]) => lines.push(...[text].flat()), note: () => {} },
    stage: { stage: 'dev', config, stores: { config, lake, runs: { lock: async () => undefined } }, run },
  } as unknown as Context;
  expect(await importOriginal({ original: from, prices: 'raw' }, context)).toBe(0);
  expect(started).toEqual([
    { task: 'consolidate', session: '2025-01-02', settings: { MODE: 'full' } },
    { task: 'resample', session: '2025-01-02', settings: {} },
  ]);
  expect(lines.join('\n')).toContain('6 rows read = 4 stored + 2 refused; each was read back and compared.');
  const stored = (await listAll(lake, 'bronze/')).map(({ key }) => key);
  expect(stored).toEqual([keys.symbol('AAA'), keys.symbol('BBB')]);
});
