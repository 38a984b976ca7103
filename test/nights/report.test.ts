import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { request } from 'node:http';
import { expect, test } from 'vitest';
import type { NightReport } from '../../src/records/run.ts';
import { afterbell, served, typed } from './command.ts';
import { MORNING, openScene, SESSION, scratch } from './scene.ts';

test('report finds a night by itself, by session and by run, and tells of a run that was killed', async () => {
  const scene = await openScene();
  const killed = new AbortController();
  const interrupted = await scene
    .run(MORNING, {
      signal: killed.signal,
      onEvent: ({ type, state }) => {
        if (type === 'StateEntered' && state === 'Check Night') killed.abort();
      },
    })
    .catch(() => undefined);
  expect(interrupted).toBeUndefined();
  const night = await scene.run(MORNING);
  expect(night.outcome.status).toBe('Succeeded');
  const [dead] = await scene.laptop.stores.warehouse.query(
    "SELECT run_id FROM nights WHERE status <> 'Succeeded' AND kind = 'night'",
  );
  await scene.close();
  const env = { AFTERBELL_HOME: scene.home };

  const newest = await afterbell(['report', '--json'], env);
  expect(newest.code, newest.stderr).toBe(0);
  const told = JSON.parse(newest.stdout) as { path: string };
  expect(told).toMatchObject({ runId: night.runId, session: SESSION, status: 'Succeeded' });
  expect(told.path).toMatch(/reports\/date=2025-11-19\/index\.html$/);
  const page = readFileSync(told.path, 'utf8');
  expect(page).toContain('Everything that was due is done.');
  expect(page).toContain('Practice data.');
  const { stages } = night.outcome as NightReport;
  expect(stages!.map(({ state }) => state)).toEqual(
    expect.arrayContaining([
      'Open Night',
      'Prepare Warehouse',
      'Sync Reference',
      'Stage Sessions',
      'Check Night',
      'Publish Sessions',
      'Consolidate',
      'Resample',
      'Prices',
      'Publish Session',
    ]),
  );

  const bySession = await afterbell(['report', '--session', SESSION], env);
  expect(bySession.stdout.trim()).toBe(told.path);
  const byRun = await afterbell(['report', '--run', String(dead!.run_id), '--json'], env);
  const lost = JSON.parse(byRun.stdout) as { path: string };
  expect(lost).toMatchObject({ status: 'Interrupted' });
  expect(lost.path).toMatch(/run=night-[^/]*\.html$/);
  expect(readFileSync(lost.path, 'utf8')).toContain(`npx afterbell night --session ${SESSION}`);
  expect(readFileSync(told.path, 'utf8')).toBe(page);

  for (const [args, message] of [
    [['--run', 'nope'], /no run is called nope.*wanted one of night-/],
    [['--session', '2025-11-20'], /no night ran for session 2025-11-20.*2025-11-19/],
    [['--session', '20251119'], /not a calendar date/],
    [['--session', SESSION, '--run', 'x'], /one of --session and --run/],
    [['--serve', '--port', 'x'], /--port x is no port/],
  ] as const) {
    const said = await afterbell(['report', ...args], env);
    expect(said.code, args.join(' ')).toBe(2);
    expect(said.stderr).toMatch(message);
  }
});

test('an empty home has no report and says how to get one', async () => {
  const env = { AFTERBELL_HOME: scratch() };
  const said = await afterbell(['report'], env);
  expect(said.code).toBe(2);
  expect(said.stderr).toMatch(/no night has run here yet/);
  expect(said.stderr).toContain(`Run one: ${typed(env)} night.`);
});

test('report --serve lists nights and reference lists and draws any symbol, to this machine only', async () => {
  const scene = await openScene();
  await scene.run(MORNING);
  await scene.close();
  const { url, child } = await served({ AFTERBELL_HOME: scene.home });
  expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
  const get = async (path: string) => {
    const response = await fetch(url + path);
    return { status: response.status, page: await response.text() };
  };
  expect(await get('/')).toMatchObject({ status: 200, page: expect.stringContaining(`href="/nights/${SESSION}"`) });
  expect(await get(`/nights/${SESSION}`)).toMatchObject({
    status: 200,
    page: expect.stringContaining('What to do next'),
  });
  const bars = await get('/symbols?symbol=AAPL');
  expect(bars.status).toBe(200);
  expect(bars.page).toMatch(/<svg[^>]* aria-label="AAPL, \d+ daily bars as traded/);
  const windows = await get('/symbols?symbol=AAPL&interval=3');
  expect(windows.page).toMatch(/<svg[^>]* aria-label="AAPL, \d+ 3-session bars adjusted for splits/);
  const script = /<script defer src="([^"]+)"/.exec(bars.page)![1]!;
  expect(await fetch(url + script).then(({ status, headers }) => [status, headers.get('content-type')])).toEqual([
    200,
    'text/javascript; charset=utf-8',
  ]);
  expect(await get('/suggest?q=aapl')).toMatchObject({ status: 200, page: expect.stringContaining('"symbol":"AAPL"') });
  expect(await get('/lists/tickers')).toMatchObject({ status: 200, page: expect.stringContaining('symbol=AAPL') });
  expect(await get('/symbols?symbol=<b>')).toMatchObject({ status: 404, page: expect.not.stringContaining('<b>') });
  expect((await get('/nights/2025-11-20')).status).toBe(404);
  expect((await get('/../../etc/passwd')).status).toBe(404);
  expect(await statusFor(url, 'elsewhere.example')).toBe(403);
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  expect((await ended)[0]).toBe(0);
});

function statusFor(url: string, host: string): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    request(url, { headers: { host } }, (response) => resolve(response.resume().statusCode))
      .on('error', reject)
      .end();
  });
}
