import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { withWarehouse } from '../../src/cli/pipeline.ts';
import { loadConfig } from '../../src/config.ts';
import { isLocked } from '../../src/local/file-lock.ts';
import { skipped } from '../terraform/tooling.ts';
import { afterbell, started } from './command.ts';
import { program } from './program.ts';
import { openScene, SESSION, scratch, THAT_MORNING } from './scene.ts';

const COUNT = 'SELECT count(*)::int AS n FROM stock_prices';
const BUSY = 75;

/** A warm home that nobody has open, and the settings of a command on it. */
async function closedHome(): Promise<{ home: string; env: Record<string, string> }> {
  const scene = await openScene();
  await scene.close();
  return { home: scene.home, env: { AFTERBELL_HOME: scene.home, ...THAT_MORNING } };
}

/** Resolves once a running night serves the databases of `home`. */
async function served(home: string): Promise<void> {
  const lock = join(home, 'home.lock');
  await expect.poll(() => existsSync(lock) && readFileSync(lock, 'utf8').includes('"aws"')).toBe(true);
}

test('four readers at once all get their answer', async () => {
  const { env } = await closedHome();
  const argv = ['query', '--warehouse', COUNT, '--json'];
  const answers = await Promise.all(Array.from({ length: 4 }, () => afterbell(argv, env)));
  expect(answers.map(({ code, stderr }) => (code === 0 ? code : stderr))).toEqual([0, 0, 0, 0]);
  expect(new Set(answers.map(({ stdout }) => stdout))).toEqual(new Set([answers[0]!.stdout]));

  const healthy = { ...env, AFTERBELL_NOW: '2025-11-19T13:00:00Z' };
  const statuses = await Promise.all(Array.from({ length: 4 }, () => afterbell(['status'], healthy)));
  expect(statuses.map(({ code, stdout, stderr }) => (code === 0 ? code : stdout + stderr))).toEqual([0, 0, 0, 0]);
});

test('a night that meets a reader says so, waits for it, and both succeed', async () => {
  const { home, env } = await closedHome();
  const reader = started(['query', '--warehouse', COUNT, '--json'], env);
  onTestFinished(() => void reader.child.kill('SIGKILL'));
  await expect.poll(() => isLocked(join(home, 'databases.flock'))).toBe(true);
  reader.child.kill('SIGSTOP');
  const night = started(['night', '--session', SESSION], env);
  await expect.poll(night.stderr).toMatch(/Waiting .*query --warehouse/);
  reader.child.kill('SIGCONT');
  expect(await reader.ended).toMatchObject({ code: 0 });
  const { code, stderr } = await night.ended;
  expect(code, stderr).toBe(0);
  expect(stderr.match(/Waiting /g)).toHaveLength(1);
});

test('a killed night frees its data directory at once', async () => {
  const { home, env } = await closedHome();
  const night = started(['night', '--session', SESSION], env);
  await served(home);
  night.child.kill('SIGKILL');
  await night.ended;
  expect(await isLocked(join(home, 'owner.flock'))).toBe(false);
  const [asked, again] = await Promise.all([
    afterbell(['query', '--warehouse', COUNT], env),
    afterbell(['night', '--session', SESSION], env),
  ]);
  expect(asked.code, asked.stderr).toBe(0);
  expect(again.code, again.stderr).toBe(0);
});

test('a reader whose night is killed between two questions reads again by itself', async () => {
  const { home, env } = await closedHome();
  const night = started(['night', '--session', SESSION], env);
  await served(home);
  const terminal = { json: false, live: false, colour: false, print: () => {}, note: () => {}, typed: String };
  const { signal } = new AbortController();
  const config = loadConfig({ AFTERBELL_HOME: home });
  const context = { config, program, terminal, now: new Date(), signal, unread: signal };
  let readings = 0;
  const answer = await withWarehouse(context, async (warehouse) => {
    readings += 1;
    const before = await warehouse.query(COUNT);
    night.child.kill('SIGKILL');
    await night.ended;
    return [before, await warehouse.query(COUNT)];
  });
  expect(readings).toBe(2);
  expect(answer?.[0]).toEqual(answer?.[1]);
});

const OTHER_CONTAINER = ['unshare', '--pid', '--fork', '--mount-proc'];
/** With a loopback of its own, from which the owner's endpoints cannot be reached. */
const OWN_NETWORK = ['--net', 'sh', '-c', 'ip link set lo up && exec "$@"', 'sh'];
const contained = namespaces([]);
const isolated = namespaces(OWN_NETWORK);
if (!contained) skipped('the lock across PID namespaces, because unshare is not permitted here');
if (!isolated) skipped('the lock across network namespaces, because unshare or ip is not permitted here');

test.runIf(contained)('a night in another container is refused, and a reader there is served', async () => {
  const scene = await openScene();
  const env = { AFTERBELL_HOME: scene.home, ...THAT_MORNING };
  const night = await started(['night', '--session', SESSION], env, contained).ended;
  expect(night.code, night.stderr).toBe(BUSY);
  expect(night.stderr).toMatch(new RegExp(`^Home\\.Busy: .*${scene.home}.*pid ${process.pid} `));
  const asked = await started(['query', '--warehouse', COUNT, '--json'], env, contained).ended;
  expect(asked.code, asked.stderr).toBe(0);
  expect(scene.market.requests.filter(({ path }) => path !== '/')).toEqual([]);
});

test.runIf(isolated)('in a container with a network of its own a night is refused, and a reader waits', async () => {
  const scene = await openScene();
  const env = { AFTERBELL_HOME: scene.home, ...THAT_MORNING };
  const night = await started(['night', '--session', SESSION], env, isolated).ended;
  expect(night.code, night.stderr).toBe(BUSY);
  const reader = started(['query', '--warehouse', COUNT, '--json'], env, isolated);
  await expect.poll(reader.stderr).toMatch(new RegExp(`Waiting .*pid ${process.pid} `));
  await scene.close();
  const asked = await reader.ended;
  expect(asked.code, asked.stderr).toBe(0);
});

/** How a program is run in namespaces of its own, or undefined where this user may not. */
function namespaces(more: readonly string[]): string[] | undefined {
  for (const user of [[], ['--user', '--map-root-user']]) {
    const inside = [...OTHER_CONTAINER, ...user, ...more];
    try {
      execFileSync(inside[0]!, [...inside.slice(1), 'true'], { stdio: 'ignore' });
      return inside;
    } catch {
      // Tried in another way, or not at all.
    }
  }
  return undefined;
}

test('a disk without file locks is refused by name, with what to do', async () => {
  const { env } = await closedHome();
  const preload = join(scratch(), 'no-locks.mjs');
  const refuse = "() => { throw Object.assign(new Error('no locks available'), { code: 'ENOLCK' }); }";
  const from = JSON.stringify(import.meta.url);
  writeFileSync(
    preload,
    `import { createRequire } from 'node:module';\ncreateRequire(${from})('fs-native-extensions').tryLock = ${refuse};\n`,
  );
  const without = { ...env, NODE_OPTIONS: `--import ${pathToFileURL(preload).href}` };
  for (const argv of [['night', '--session', SESSION], ['query', '--warehouse', COUNT], ['portfolios']]) {
    const { code, stderr } = await afterbell(argv, without);
    expect(code, stderr).toBe(1);
    expect(stderr).toMatch(/^Home\.Unwritable: .* cannot be locked .*found no locks available .*on a local disk/);
  }
});
