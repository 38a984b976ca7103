import { QueryCommand } from '@aws-sdk/lib-dynamodb';
import { expect, test } from 'vitest';
import { keys, listAll, readJson } from '../../src/lake/lake.ts';
import { type WithheldReport, withheldKey } from '../../src/night/withheld.ts';
import type { NightReport } from '../../src/records/run.ts';
import { afterbell, typed } from './command.ts';
import { logLines, MORNING, openScene, type Scene, SESSION } from './scene.ts';

const NEXT = { session: '2025-11-20', scheduledTime: '2025-11-21T09:00:00Z' };
const wordOf = (datasets: { name: string; status: string }[], name: string) =>
  datasets.find((set) => set.name === name)?.status;
const heldReport = (scene: Scene, session: string) =>
  readJson<WithheldReport>(scene.laptop.stores.lake, withheldKey({ session, dataset: 'tickers' }));

async function activeTickers({ laptop: { stores } }: Scene): Promise<number> {
  let count = 0;
  for (const market of ['stocks', 'otc']) {
    const answer = await stores.tables.send(
      new QueryCommand({
        TableName: stores.config.TICKERS_TABLE,
        IndexName: 'by-market',
        KeyConditionExpression: '#market = :market AND #status = :active',
        ExpressionAttributeNames: { '#market': 'market', '#status': 'status' },
        ExpressionAttributeValues: { ':market': market, ':active': 'active' },
        Select: 'COUNT',
      }),
    );
    count += answer.Count ?? 0;
  }
  return count;
}

async function makeDue({ laptop }: Scene): Promise<void> {
  const { runs } = laptop.stores;
  const old = new Date(Date.now() - 24 * 3_600_000).toISOString();
  await runs.saveLastSync('tickers', { ...(await runs.lastSync('tickers'))!, lastSyncTimestamp: old });
}

test('half a ticker list is held, the rest of the night is good; the release publishes it from staging', async () => {
  const scene = await openScene();
  const { lake, runs, warehouse } = scene.laptop.stores;
  expect((await scene.run(MORNING)).outcome.status).toBe('Succeeded');
  const full = await activeTickers(scene);
  await makeDue(scene);
  scene.market.misbehave(['half-missing@tickers']);

  const night = await scene.run(NEXT, NEXT);
  expect(night.outcome.status).toBe('Partial');
  expect(night.exitCode).toBe(3);
  expect(night.execution.status).toBe('SUCCEEDED');
  expect(wordOf(night.outcome.datasets, 'tickers')).toBe('held');
  expect(wordOf(night.outcome.datasets, 'prices')).toBe('success');
  expect(night.outcome.reasons.join('\n')).toContain('active rows are missing from the answer');
  expect(await activeTickers(scene)).toBe(full);
  expect(await lake.read(keys.snapshot('tickers', NEXT.session))).toBeUndefined();
  const told = (await heldReport(scene, NEXT.session))!;
  expect(told).toMatchObject({ state: 'held', runId: night.runId });
  expect(told.vanished).toHaveLength(told.counts.vanished);
  const [notified, ...more] = logLines(scene.home, 'notifications.jsonl');
  expect(more).toEqual([]);
  expect(notified).toMatchObject({ subject: `afterbell Partial: session ${NEXT.session}` });
  expect(String(notified?.message)).toContain(`npx afterbell release ${night.runId}`);
  expect(String(notified?.message)).toContain(withheldKey({ ...NEXT, dataset: 'tickers' }));
  const ledger = `SELECT status FROM sync_logs WHERE task_name = 'sync-tickers' AND metadata ->> 'run_id' = '${night.runId}'`;
  expect(await warehouse.query(ledger)).toEqual([{ status: 'held' }]);

  const released = await scene.run({ release: night.runId }, { kind: 'release', ...NEXT });
  expect(released.outcome.status).toBe('Succeeded');
  expect(released.asked).toEqual([]);
  expect(released.outcome.datasets.map(({ name, status }) => [name, status])).toEqual([['tickers', 'success']]);
  expect(await activeTickers(scene)).toBe(told.counts.seen);
  expect(await heldReport(scene, NEXT.session)).toMatchObject({ state: 'released', endedBy: released.runId });
  expect(await listAll(lake, 'staging/')).toEqual([]);
  const report = (await readJson<NightReport>(lake, keys.report(NEXT.session, 'night.json')))!;
  expect(report.runId).toBe(night.runId);
  expect(await runs.sessionState(NEXT.session)).toMatchObject({ runId: night.runId, pricesDone: true });
  const [change] = await warehouse.query(
    `SELECT count(*)::int AS gone FROM symbol_history WHERE dataset = 'tickers' AND ending = 'no longer listed'`,
  );
  expect(change).toEqual({ gone: told.counts.vanished });
});

test('a list and a session held by one run are released together; the command line shows both', async () => {
  const scene = await openScene();
  expect((await scene.run(MORNING)).outcome.status).toBe('Succeeded');
  await makeDue(scene);
  scene.market.misbehave(['half-missing@tickers', 'half-missing@grouped']);
  const night = await scene.run(NEXT, NEXT);
  expect(night.outcome.status).toBe('Held');
  expect(night.outcome.sessions?.held).toContain(NEXT.session);
  await scene.close();
  const env = { AFTERBELL_HOME: scene.home };
  const shown = await afterbell(['status'], env);
  expect(shown.stdout).toMatch(/Withheld:\n- tickers of 2025-11-20: \d+ would vanish/);
  expect(shown.stdout).toContain(`${typed(env)} release ${night.runId}\n`);
  const released = await afterbell(['release', night.runId, '--json'], env);
  expect(released.code, released.stderr).toBe(0);
  const outcome = JSON.parse(released.stdout);
  expect([wordOf(outcome.datasets, 'tickers'), wordOf(outcome.datasets, 'prices')]).toEqual(['success', 'success']);
  const status = JSON.parse((await afterbell(['status', '--json'], env)).stdout);
  expect([status.heldLists, status.heldRuns]).toEqual([[], []]);
  const gone = await afterbell(
    [
      'query',
      `SELECT change, count(*) AS symbols FROM symbol_changes WHERE date = '${NEXT.session}' GROUP BY ALL`,
      '--json',
    ],
    env,
  );
  expect(JSON.parse(gone.stdout)).toEqual([{ change: 'vanished', symbols: expect.any(Number) }]);
});

test('a held list makes room for the next good one', async () => {
  const scene = await openScene();
  const { lake } = scene.laptop.stores;
  await scene.run(MORNING);
  await makeDue(scene);
  scene.market.misbehave(['half-missing@tickers']);
  const held = await scene.run({ ...MORNING, session: SESSION });
  expect(held.outcome.status).toBe('Partial');
  expect((await listAll(lake, 'staging/sync=')).length).toBeGreaterThan(0);

  scene.market.misbehave([]);
  const good = await scene.run(NEXT, NEXT);
  expect(good.outcome.status).toBe('Succeeded');
  expect(await heldReport(scene, SESSION)).toMatchObject({ state: 'superseded', endedBy: good.runId });
  expect(await listAll(lake, 'staging/')).toEqual([]);
  await scene.close();
  const nothing = await afterbell(['release', held.runId], { AFTERBELL_HOME: scene.home });
  expect(nothing.code).toBe(2);
  expect(nothing.stderr).toContain(`run ${held.runId} withholds nothing`);
});
