import { once } from 'node:events';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { afterbell, started, typed } from './command.ts';
import { killNight, logLines, MORNING, openScene, SESSION, scratch, THAT_MORNING, warmHome } from './scene.ts';

const REASON = 'Job.Interrupted: its process ended before it did (killed, or the computer went down)';

/** Kills a night as soon as it has begun, before it has come into the ledger. */
async function killedAtOnce(env: Record<string, string>): Promise<void> {
  const night = started(['night', '--session', SESSION], env);
  const running = join(env.AFTERBELL_HOME!, 'logs', 'running');
  const begun = () => existsSync(running) && readdirSync(running).length > 0;
  while (!begun() && night.child.exitCode === null) await pause(1);
  night.child.kill('SIGKILL');
  await once(night.child, 'exit').catch(() => undefined);
  await night.ended;
  expect(begun()).toBe(true);
}

interface Document {
  health: { code: number; troubles: { what: string; command: string }[] };
  nights: { run_id: string; kind: string; status: string; reasons: string[] }[];
}

async function statusOf(env: Record<string, string>): Promise<Document> {
  const document = JSON.parse((await afterbell(['status', '--json'], { ...env, ...THAT_MORNING })).stdout) as Document;
  return { ...document, nights: document.nights.filter(({ kind }) => kind === 'night') };
}

test('a night that is killed in its first seconds is interrupted in status before and after its notice, and in the ledger', async () => {
  const env = { AFTERBELL_HOME: await warmHome() };
  await killedAtOnce(env);
  const expected = {
    health: {
      code: 1,
      troubles: [
        {
          what: `the last night (${SESSION}) ended as Interrupted: ${REASON}`,
          command: `${typed(env)} night --session ${SESSION}`,
        },
      ],
    },
    nights: [{ status: 'Interrupted', reasons: [REASON] }],
  };
  const before = await statusOf(env);
  expect(before).toMatchObject(expected);
  const told = await afterbell(['run', 'consolidate'], env);
  expect(told.stderr).toContain(`    Error: ${REASON}\n`);
  expect(told.stderr).toContain(`    Repair: ${typed(env)} night --session ${SESSION}\n`);
  expect(told.stderr).toMatch(/ {4}Since \w{3} .* E[SD]T; it had ended by .* E[SD]T\.\n/);
  const after = await statusOf(env);
  expect(after.health).toEqual(before.health);
  expect(after.nights.filter(({ status }) => status === 'Interrupted')).toMatchObject(expected.nights);
  const ledger = await afterbell(
    ['query', '--warehouse', "SELECT status, reasons::text AS why FROM nights WHERE kind = 'night'", '--json'],
    env,
  );
  expect(JSON.parse(ledger.stdout)).toEqual([{ status: 'Interrupted', why: JSON.stringify([REASON]) }]);
  expect((await afterbell(['run', 'consolidate'], env)).stderr).not.toContain('notified');
  expect((await afterbell(['night', '--session', SESSION], env)).code).toBe(0);
  expect((await statusOf(env)).health.code).toBe(0);
});

test('a first night that is killed before there is a ledger is told once and stays interrupted until it is run', async () => {
  const env = { AFTERBELL_HOME: join(scratch(), 'home') };
  await killedAtOnce(env);
  expect((await statusOf(env)).health.code).toBe(1);
  expect((await afterbell(['report'], env)).stderr).toMatch(/^Interrupted: night for session 2025-11-19 /);
  const first = await afterbell(['night', '--session', SESSION], env);
  expect(first.stderr).toContain('notified: afterbell Interrupted');
  expect(first.code, first.stdout).toBe(0);
  expect(await statusOf(env)).toMatchObject({ health: { code: 0 }, nights: [{ status: 'Succeeded' }] });
  expect(logLines(env.AFTERBELL_HOME, 'notifications.jsonl')).toHaveLength(1);
});

test('a night stopped by Ctrl-C says so in its notice, in status and in the ledger', async () => {
  const env = { AFTERBELL_HOME: await warmHome() };
  const night = started(['night', '--session', SESSION, '--misbehave', 'slow-body@grouped'], env);
  while (!/Stage Sessions|Prepare Warehouse/.test(night.stderr()) && night.child.exitCode === null) await pause(5);
  night.child.kill('SIGINT');
  const { code, stderr } = await night.ended;
  expect(code, stderr).toBe(130);
  const reason = 'Job.Interrupted: interrupted by SIGINT; the same command goes on from here';
  expect(stderr).toContain(`    Error: ${reason}\n`);
  expect(await statusOf(env)).toMatchObject({
    health: { code: 1 },
    nights: [{ status: 'Interrupted', reasons: [reason] }],
  });
});

test('a night that is stopped when its session is done already is nobody’s trouble', async () => {
  const scene = await openScene();
  expect((await scene.run(MORNING)).outcome.status).toBe('Succeeded');
  await killNight(scene, 'Open Night', MORNING);
  await scene.close();
  expect(logLines(scene.home, 'notifications.jsonl')).toEqual([]);
  expect((await statusOf({ AFTERBELL_HOME: scene.home })).health.code).toBe(0);
});
