import { expect, test } from 'vitest';
import { keys, listAll } from '../../src/lake/lake.ts';
import { decodeBars, publishedSessions, readIngest } from '../../src/lake/session-files.ts';
import { afterbell, typed } from './command.ts';
import { HELD, lakeFiles, logLines, MORNING, openScene, SESSION, THAT_MORNING } from './scene.ts';

const withoutStaging = (files: Map<string, string>) => [...files].filter(([key]) => !key.startsWith('staging/'));

test('a half-missing session is held, never published unseen; a good repeat or a release ends that', async () => {
  // Only the session itself is asked for, so that it alone is held.
  const scene = await openScene({ misbehave: ['half-missing'], env: { TRAILING_SESSIONS: '0' } });
  const { home, laptop, market } = scene;
  const { lake, runs, warehouse } = laptop.stores;
  const prices = async () => {
    const [row] = await warehouse.query(`SELECT count(*)::int AS rows FROM stock_prices WHERE date = '${SESSION}'`);
    return row!.rows;
  };

  const held = await scene.run(MORNING);
  expect(held.outcome).toMatchObject({ status: 'Held', sessions: { published: [], held: [SESSION] } });
  expect(held.exitCode).toBe(4);
  expect(held.execution).toMatchObject({ status: 'FAILED', error: 'Night.Held' });
  expect(held.outcome.reasons[0]).toContain(`${SESSION}: 31 rows, usually`);
  expect(await lake.read(keys.session(SESSION))).toBeUndefined();
  expect(await prices()).toBe(0);
  expect(await publishedSessions(lake)).toHaveLength(HELD.count);
  expect(await runs.withheldRun(held.runId)).toMatchObject({ runId: held.runId, sessions: [SESSION] });
  expect(await listAll(lake, keys.stagingOf(held.runId))).not.toEqual([]);
  expect(logLines(home, 'notifications.jsonl')).toMatchObject([{ subject: `afterbell Held: session ${SESSION}` }]);
  expect(String(logLines(home, 'notifications.jsonl')[0]!.message)).toContain(`afterbell release ${held.runId}`);
  expect(logLines(home, 'events.jsonl')).toEqual([]);
  const ledger = await warehouse.query(
    `SELECT status, (SELECT status FROM nights WHERE run_id = '${held.runId}') AS night
     FROM sync_logs WHERE task_name = 'prices' AND metadata ->> 'run_id' = '${held.runId}'`,
  );
  expect(ledger).toEqual([{ status: 'held', night: 'Held' }]);

  market.misbehave([]);
  const good = await scene.run(MORNING);
  expect(good.outcome).toMatchObject({ status: 'Succeeded', sessions: { published: [SESSION], held: [] } });
  expect(await runs.withheldRun(held.runId)).toBeUndefined();
  expect(await listAll(lake, 'staging/')).toEqual([]);
  const full = await prices();
  expect(full).toBe(62);
  const served = withoutStaging(lakeFiles(home));

  market.misbehave(['half-missing']);
  const second = await scene.run({ session: SESSION });
  expect(second.outcome.status).toBe('Held');
  expect(second.outcome.reasons.join('\n')).toContain('what is served for this session');
  expect(withoutStaging(lakeFiles(home))).toEqual(served);
  expect(await prices()).toBe(full);

  market.misbehave([]);
  const released = await scene.run({ release: second.runId }, { kind: 'release' });
  expect(released.outcome).toMatchObject({ status: 'Succeeded', sessions: { published: [SESSION], held: [] } });
  expect(released.asked).toEqual([]);
  expect(await runs.withheldRun(second.runId)).toBeUndefined();
  expect(await listAll(lake, 'staging/')).toEqual([]);
  expect(await decodeBars((await lake.read(keys.session(SESSION)))!, 'the session')).toHaveLength(31);
  expect(await prices()).toBe(31);
  expect((await readIngest(lake, SESSION))!.removed).toHaveLength(31);
  expect(logLines(home, 'events.jsonl').map(({ detail }) => detail)).toMatchObject([
    { runId: good.runId, status: 'Succeeded' },
    { runId: released.runId, status: 'Succeeded' },
  ]);

  await scene.close();
  const verified = await afterbell(['verify'], { AFTERBELL_HOME: home });
  expect(verified.code, verified.stdout).toBe(0);
  const status = await afterbell(['status'], { AFTERBELL_HOME: home, ...THAT_MORNING });
  expect(status.stdout).toContain(`released by ${released.runId}`);
  const nothing = await afterbell(['release', second.runId], { AFTERBELL_HOME: home });
  expect(nothing.code).toBe(2);
  expect(nothing.stderr).toContain(`run ${second.runId} withholds nothing`);
});

test('a held night is released from the command line and exits 0', async () => {
  const scene = await openScene({ misbehave: ['half-missing'] });
  const held = await scene.run(MORNING);
  await scene.close();
  const env = { AFTERBELL_HOME: scene.home, ...THAT_MORNING };
  const waiting = await afterbell(['status'], env);
  expect(waiting.code).toBe(4);
  expect(waiting.stdout).toMatch(/Not healthy, exit 4:\n- withheld: \d sessions up to 2025-11-19: /);
  expect(waiting.stdout).toMatch(
    /Withheld:\n- prices of \d sessions up to 2025-11-19: [^\n]+\n {2}Releasing publishes \d sessions/,
  );
  expect(waiting.stdout).toContain(`${typed(env)} release ${held.runId}\n`);
  const released = await afterbell(['release', held.runId, '--json'], env);
  expect(released.code, released.stderr).toBe(0);
  expect(JSON.parse(released.stdout)).toMatchObject({ status: 'Succeeded', kind: 'release', session: SESSION });
  expect((await afterbell(['verify'], env)).code).toBe(0);
  expect((await afterbell(['status'], env)).code).toBe(0);
});
