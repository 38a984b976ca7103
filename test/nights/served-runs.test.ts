import { expect, test } from 'vitest';
import { afterThisTest } from '../cleanup.ts';
import { afterbell, served, typed } from './command.ts';
import { killNight, MORNING, openScene, SESSION } from './scene.ts';

let made: ReturnType<typeof makeRuns> | undefined;
/** A session with a night that was withheld, one that was killed, and then a good one. */
const threeRuns = () => (made ??= makeRuns());

async function makeRuns() {
  const scene = await openScene({ misbehave: ['half-missing'], env: { TRAILING_SESSIONS: '0' } });
  const held = await scene.run(MORNING);
  scene.market.misbehave([]);
  await killNight(scene, 'Check Night', MORNING);
  const good = await scene.run(MORNING);
  expect([held.outcome.status, good.outcome.status]).toEqual(['Held', 'Succeeded']);
  const [dead] = await scene.laptop.stores.warehouse.query("SELECT run_id FROM nights WHERE status = 'Interrupted'");
  await scene.close();
  return { home: scene.home, held: held.runId, killed: String(dead!.run_id), good: good.runId };
}

test('the served list shows every run of a session with its status and a link to its page', async () => {
  const { home, held, killed } = await threeRuns();
  const { url, child } = await served({ AFTERBELL_HOME: home });
  afterThisTest(async () => void child.kill());
  const get = async (path: string) => (await fetch(url + path)).text();
  const rowOf = (page: string, path: string) =>
    page.split('<tr>').find((row) => row.includes(`href="${path}"`)) ?? `no row of ${path}`;

  for (const page of [await get('/'), await get('/')]) {
    expect(rowOf(page, `/nights/${SESSION}`)).toContain('>Succeeded<');
    expect(rowOf(page, `/runs/${held}`)).toMatch(/>Held<.*31 rows, usually/s);
    expect(rowOf(page, `/runs/${killed}`)).toMatch(/>Interrupted<.*Job\.Interrupted/s);
    expect(page.match(/<tr>/g)).toHaveLength(1 + 4);
  }
  expect(await get(`/runs/${held}`)).toMatch(/class="status Held".*All of what it withheld was published/s);
  expect(await get(`/runs/${killed}`)).toContain('class="status Interrupted"');
  expect((await fetch(`${url}/runs/nobody`)).status).toBe(404);
  expect((await fetch(`${url}/?from=x`)).status).toBe(400);
});

test('report says on a terminal why a run did not end well and what to do, and prints the path alone', async () => {
  const { home, held, killed, good } = await threeRuns();
  const env = { AFTERBELL_HOME: home };
  const ofHeld = await afterbell(['report', '--run', held], env);
  expect(ofHeld.stderr).toMatch(/^Held: night for session 2025-11-19 .*\n- prices: 2025-11-19: 31 rows, usually/);
  // The good night fetched it again: there is nothing to release any more.
  expect(ofHeld.stderr).toContain('All of what it withheld was published or fetched again since.');
  expect(ofHeld.stderr).not.toContain('afterbell release');
  expect(ofHeld.stdout.trim()).toMatch(/^\S+\.html$/);
  const ofKilled = await afterbell(['report', '--run', killed], env);
  expect(ofKilled.stderr).toMatch(/^Interrupted: .*\n- Job\.Interrupted: /);
  expect(ofKilled.stderr).toContain(
    `Start it again; it continues where it stopped: ${typed(env)} night --session ${SESSION}`,
  );
  expect((await afterbell(['report', '--run', good], env)).stderr.trim().split('\n')).toHaveLength(1);

  const again = await afterbell(['night', '--session', SESSION, '--misbehave', 'half-missing'], env);
  expect(again.code).toBe(4);
  const [, run] = /report --run (\S+)/.exec(again.stderr) ?? [];
  const waiting = await afterbell(['report', '--run', run!], env);
  expect(waiting.stderr).toContain(`${typed(env)} night --session ${SESSION}\n`);
  expect(waiting.stderr).toContain(`If it is right after all: ${typed(env)} release ${run}\n`);
});
