import { ScanCommand } from '@aws-sdk/lib-dynamodb';
import { expect, test } from 'vitest';
import { keys, listAll, readJson } from '../../src/lake/lake.ts';
import type { NightReport } from '../../src/records/run.ts';
import { afterbell, typed } from './command.ts';
import { HELD, lakeFiles, logLines, MORNING, openScene, SESSION, THAT_MORNING } from './scene.ts';

test('a good night fills every store, tells the rule, and its repetition changes nothing', async () => {
  const scene = await openScene({ ownProcesses: true });
  const { laptop, home } = scene;
  const { lake, runs, warehouse, tables, config } = laptop.stores;

  const night = await scene.run(MORNING);
  expect(night.outcome.reasons).toEqual([]);
  expect(night.outcome).toMatchObject({ status: 'Succeeded', session: SESSION, practice: true, kind: 'night' });
  expect(night.exitCode).toBe(0);
  expect(night.execution.status).toBe('SUCCEEDED');
  const rowsOf = Object.fromEntries(night.outcome.datasets.map(({ name, rows }) => [name, rows]));
  expect(night.outcome.datasets.map(({ name, status }) => [name, status])).toEqual([
    ['tickers', 'success'],
    ['splits', 'success'],
    ['dividends', 'success'],
    ['assets', 'success'],
    ['index_members', 'success'],
    ['metadata', 'success'],
    ['valuations', 'success'],
    ['prices', 'success'],
    ['consolidate', 'success'],
    ['resample', 'success'],
  ]);

  const detail = { session: SESSION, runId: night.runId, status: 'Succeeded', stage: 'local', repair: false };
  expect(logLines(home, 'events.jsonl')).toMatchObject([
    { source: 'afterbell', 'detail-type': 'Night Completed', detail, matchedRules: ['night-completed'] },
  ]);
  expect(logLines(home, 'notifications.jsonl')).toEqual([]);
  expect(logLines(home, 'errors.jsonl')).toEqual([]);

  const count = async (TableName: string) => (await tables.send(new ScanCommand({ TableName, Select: 'COUNT' }))).Count;
  expect(await count(config.TICKERS_TABLE)).toBe(rowsOf.tickers);
  expect(await count(config.ASSETS_TABLE)).toBe(rowsOf.assets);
  const report = (await readJson<NightReport>(lake, keys.report(SESSION, 'night.json')))!;
  expect(report).toMatchObject({ runId: night.runId, status: 'Succeeded', practice: true });
  expect(await lake.read(keys.report(SESSION, 'index.html'))).toBeDefined();
  expect(await runs.lastSync('tickers')).toMatchObject({
    lastSyncTimestamp: report.startedAt,
    pages: 2,
    rows: rowsOf.tickers,
  });
  expect(await runs.lastSync('assets')).toMatchObject({ lastSyncTimestamp: report.startedAt, rows: rowsOf.assets });
  expect(await runs.lock()).toBeUndefined();
  expect(await listAll(lake, 'staging/')).toEqual([]);

  const [stored] = await warehouse.query(
    `SELECT (SELECT count(*)::int FROM stock_prices WHERE date = '${SESSION}') AS prices,
      (SELECT count(*)::int FROM ingestion_watermarks WHERE last_date = '${SESSION}') AS marks,
      (SELECT status FROM nights WHERE run_id = '${night.runId}') AS status`,
  );
  expect(stored).toEqual({ prices: rowsOf.prices, marks: rowsOf.prices, status: 'Succeeded' });
  const ledger = `SELECT task_name || ' ' || status AS line FROM sync_logs
    WHERE metadata ->> 'run_id' = '${night.runId}' ORDER BY 1`;
  expect((await warehouse.query(ledger)).map(({ line }) => line)).toEqual([
    'consolidate success',
    'prices success',
    'resample success',
    'sync-assets success',
    'sync-dividends success',
    'sync-index-members success',
    'sync-metadata success',
    'sync-splits success',
    'sync-tickers success',
    'sync-valuations success',
  ]);

  const files = lakeFiles(home);
  const again = await scene.run(MORNING);
  expect(again).toMatchObject({ exitCode: 0, asked: [] });
  expect(again.outcome).toMatchObject({ status: 'Skipped', datasets: [] });
  expect(again.outcome.reasons).toContain(`prices: session ${SESSION} is already done`);
  expect(logLines(home, 'events.jsonl')).toHaveLength(1);
  expect(await runs.lock()).toBeUndefined();

  const named = await scene.run({ session: SESSION });
  expect(named.outcome.status).toBe('Succeeded');
  expect(named.outcome.datasets.find(({ name }) => name === 'prices')).toMatchObject({
    status: 'success',
    rows: rowsOf.prices,
    new: 0,
    changed: 0,
  });
  expect(lakeFiles(home)).toEqual(files);

  await scene.close();
  const verified = await afterbell(['verify', '--json'], { AFTERBELL_HOME: home });
  expect(JSON.parse(verified.stdout), verified.stdout).toMatchObject({ clean: true });
  expect(verified.code).toBe(0);
  const status = await afterbell(['status', '--json'], { AFTERBELL_HOME: home, ...THAT_MORNING });
  expect(JSON.parse(status.stdout)).toMatchObject({
    kind: 'practice',
    health: { code: 0, troubles: [] },
    sessions: { served: HELD.count + 1, last: SESSION, missing: [] },
    next: { night: null, session: '2025-11-20', closes: '2025-11-20T21:00:00Z' },
  });
  const { freshness } = JSON.parse(status.stdout) as { freshness: { dataset: string; age: string }[] };
  expect(freshness.map(({ age }) => age)).toEqual(freshness.map(() => 'current'));
  expect(freshness.map(({ dataset }) => dataset)).toEqual(
    expect.arrayContaining(['prices', 'stock_prices', 'history', 'N-session bars', 'tickers', 'assets']),
  );
  const later = await afterbell(['status'], { AFTERBELL_HOME: home, AFTERBELL_NOW: '2025-11-24T13:00:00Z' });
  expect(later.code).toBe(1);
  const command = `${typed({ AFTERBELL_HOME: home })} night`;
  expect(later.stdout).toContain(`\n- prices are 2 sessions behind: 2025-11-21 is due\n    ${command}\n`);
  expect(later.stdout).toContain('Missing: 2025-11-20, 2025-11-21\n');
  expect(later.stdout.split('\n').length).toBeLessThan(40);
  expect(status.code).toBe(0);
});
