import { expect, test } from 'vitest';
import { afterbell } from './command.ts';
import { MORNING, openScene, SESSION, THAT_MORNING } from './scene.ts';

test('each task has its own start and end in the ledger, and those of a killed run are interrupted', async () => {
  const scene = await openScene();
  const { warehouse } = scene.laptop.stores;
  const stop = new AbortController();
  const killed = scene.run(MORNING, {
    signal: stop.signal,
    onEvent: ({ type, state }) => {
      if (type === 'StateEntered' && state === 'Check Night') stop.abort();
    },
  });
  await expect(killed).rejects.toMatchObject({ name: 'Job.Interrupted' });
  const night = await scene.run(MORNING);
  expect(night.outcome.status).toBe('Succeeded');
  const ledger = async (where: string) =>
    warehouse.query(`SELECT task_name AS task, status, error_message AS why, started_at::text AS started,
      completed_at::text AS ended, metadata ->> 'session' AS session FROM sync_logs
      WHERE metadata ->> 'run_id' ${where} ORDER BY id`);
  const [run] = await warehouse.query(
    `SELECT started_at::text AS started, completed_at::text AS ended FROM nights WHERE run_id = '${night.runId}'`,
  );

  const rows = await ledger(`= '${night.runId}'`);
  const of = (task: string) => rows.find((row) => row.task === task)!;
  for (const { task, started, ended } of rows.filter(({ status }) => status === 'success')) {
    const instants = [run!.started, started, ended, run!.ended].map(String);
    expect(instants, String(task)).toEqual(instants.toSorted());
  }
  const order = ['prices', 'consolidate', 'resample', 'sync-metadata', 'sync-valuations'].map(of);
  for (const [index, { task, started }] of order.slice(1).entries()) {
    const before = order[index]!;
    expect(String(before.ended) <= String(started), `${before.task} ends before ${task} begins`).toBe(true);
  }
  expect(String(of('prices').ended) < String(run!.ended)).toBe(true);

  const lost = await ledger(`NOT IN ('${night.runId}') AND status = 'interrupted'`);
  expect(lost.map(({ task }) => task)).toEqual(
    expect.arrayContaining(['sync-tickers', 'prices', 'consolidate', 'resample', 'sync-metadata']),
  );
  const stopped = lost.find(({ task }) => task === 'prices')!;
  expect(stopped).toMatchObject({ session: SESSION, why: 'Job.Interrupted: stopped by hand', started: null });
  expect(String(stopped.ended) <= String(run!.started)).toBe(true);
  await scene.close();
  const { stdout } = await afterbell(['status', '--failed', '--json'], { AFTERBELL_HOME: scene.home, ...THAT_MORNING });
  const { tasks } = JSON.parse(stdout) as { tasks: { task_name: string; status: string }[] };
  expect(tasks.find(({ task_name }) => task_name === 'prices')).toMatchObject({ status: 'success' });
});
