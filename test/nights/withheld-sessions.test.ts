import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { nextSession, sessionAt, sessionNumber } from '../../src/calendar/calendar.ts';
import { keys, listAll } from '../../src/lake/lake.ts';
import { publishedSessions, readIngest } from '../../src/lake/session-files.ts';
import { afterbell, typed } from './command.ts';
import { HELD, killNight, limitedMarket, logLines, openScene, type Scene, SESSION, THAT_MORNING } from './scene.ts';

const NEXT = nextSession(SESSION);
const FULL = 62;
const HALF = 31;
const ALONE = { TRAILING_SESSIONS: '0' };

const night = (scene: Scene, session: string) => scene.run({ session }, { session });
const rowsOf = async ({ laptop }: Scene, date: string) =>
  (await readIngest(laptop.stores.lake, date).catch(() => undefined))?.rows;
const askedFor = (asked: readonly string[], date: string) =>
  asked.filter((path) => path.includes(`/grouped/`) && path.includes(date)).length;
const notifications = (scene: Scene) => logLines(scene.home, 'notifications.jsonl').map(({ subject }) => subject);
const events = (scene: Scene) =>
  logLines(scene.home, 'events.jsonl').map(({ detail }) => (detail as { session: string }).session);

describe('a release', () => {
  test('publishes what its own run withheld, and nothing that a killed run had staged', async () => {
    const limits = new Map([[SESSION, HALF]]);
    const scene = await openScene({ source: limitedMarket(limits), env: ALONE });
    const held = await night(scene, SESSION);
    expect(held.outcome.status).toBe('Held');
    limits.set(SESSION, 3).set(NEXT, 3);
    await killNight(scene, 'Check Night', { session: NEXT }, { session: NEXT });
    await killNight(scene, 'Check Night', { session: SESSION });

    const released = await scene.run({ release: held.runId }, { kind: 'release' });
    expect(released.outcome).toMatchObject({ status: 'Succeeded', sessions: { published: [SESSION] } });
    expect(await rowsOf(scene, SESSION)).toBe(HALF);
    expect(await rowsOf(scene, NEXT)).toBeUndefined();
    expect(released.outcome.releasing).toEqual({ sessions: 1, changed: 0, removed: 0 });

    // What the killed runs had staged meets the gates in the next night, as any other answer does.
    const after = await night(scene, NEXT);
    expect(after.outcome.status).toBe('Held');
    expect(await rowsOf(scene, SESSION)).toBe(HALF);
    expect(await rowsOf(scene, NEXT)).toBeUndefined();
  });

  test('that was killed goes on where it was', async () => {
    const limits = new Map([[SESSION, HALF]]);
    const scene = await openScene({ source: limitedMarket(limits), env: ALONE });
    const held = await night(scene, SESSION);
    const release = { release: held.runId };
    await killNight(scene, 'Publish Sessions', release, { kind: 'release' });
    await killNight(scene, 'Consolidate', release, { kind: 'release' });
    const released = await scene.run(release, { kind: 'release' });
    expect(released.outcome).toMatchObject({ status: 'Succeeded', sessions: { published: [SESSION] } });
    expect(await rowsOf(scene, SESSION)).toBe(HALF);
    expect(await listAll(scene.laptop.stores.lake, 'staging/')).toEqual([]);
    const twice = await scene.run(release, { kind: 'release' });
    expect(twice.outcome.reasons[0]).toContain('withholds nothing');
  });

  test('of a session published since is refused by name, and the better version stays', async () => {
    const limits = new Map([[SESSION, HALF]]);
    const scene = await openScene({ source: limitedMarket(limits), env: ALONE });
    const held = await night(scene, SESSION);
    limits.clear();
    // The night heals the session, and its process ends before anybody records that.
    await killNight(scene, 'Close Night', { session: NEXT }, { session: NEXT });
    expect(await rowsOf(scene, SESSION)).toBe(FULL);
    await scene.close();

    const env = { AFTERBELL_HOME: scene.home, ...THAT_MORNING };
    const status = await afterbell(['status'], env);
    expect(status.stdout).not.toContain(`release ${held.runId}`);
    const refused = await afterbell(['release', held.runId], env);
    expect(refused.code).toBe(1);
    expect(refused.stderr).toMatch(
      new RegExp(`^Release\\.Superseded: ${SESSION} was published by run night-${NEXT}\\S+ .* after ${held.runId} had`),
    );
    const after = await afterbell(
      ['query', `SELECT count(*) AS rows FROM sessions WHERE date = '${SESSION}'`, '--json'],
      env,
    );
    expect(after.stdout).toContain(String(FULL));
  });
});

test('a session that cannot be published takes nothing from the others of its night', async () => {
  const limits = new Map([[SESSION, HALF]]);
  const scene = await openScene({ source: limitedMarket(limits), env: ALONE });
  const { lake, runs } = scene.laptop.stores;
  const held = await night(scene, SESSION);
  limits.clear();
  const blocked = join(scene.home, 'lake', dirname(keys.session(NEXT)));
  mkdirSync(dirname(blocked), { recursive: true });
  writeFileSync(blocked, 'a file where a folder has to be');

  const failed = await night(scene, NEXT);
  expect(failed.outcome).toMatchObject({
    status: 'Failed',
    sessions: { published: [SESSION], held: [], failed: [NEXT] },
  });
  expect(failed.outcome.reasons[0]).toContain(`prices: ${NEXT}: `);
  expect(await runs.withheldRun(held.runId)).toBeUndefined();
  expect(failed.outcome.datasets.map(({ name, status }) => `${name} ${status}`)).toEqual(
    expect.arrayContaining(['prices failed', 'consolidate success', 'resample success']),
  );
  const late = await scene.run({ release: held.runId }, { kind: 'release' });
  expect(late.outcome.reasons[0]).toContain('withholds nothing');
  expect(await rowsOf(scene, SESSION)).toBe(FULL);

  // The night goes on with what it had staged.
  rmSync(blocked);
  const again = await night(scene, NEXT);
  expect(again.outcome).toMatchObject({ status: 'Succeeded', sessions: { published: [NEXT] } });
  expect(await publishedSessions(lake)).toHaveLength(HELD.count + 2);
});

describe('an old session that stays bad', () => {
  const later = (sessions: number) => sessionAt(sessionNumber(SESSION) + sessions);

  test('holds its own night only, is notified once, and is fetched again after 1, 5 and 10 sessions', async () => {
    const limits = new Map([[SESSION, HALF]]);
    const scene = await openScene({ source: limitedMarket(limits), marketNow: '2025-12-31T12:00:00Z', env: ALONE });
    const held = await night(scene, SESSION);
    expect(held.outcome.status).toBe('Held');
    const words: string[] = [];
    const fetched: number[] = [];
    for (let sessions = 1; sessions <= 9; sessions += 1) {
      const { outcome, exitCode, asked } = await night(scene, later(sessions));
      words.push(`${outcome.status} ${exitCode}`);
      if (askedFor(asked, SESSION) > 0) fetched.push(sessions);
      else expect(outcome.notes?.join('\n')).toContain(`${SESSION} is still withheld`);
      expect(outcome.sessions?.published).toEqual([later(sessions)]);
    }
    expect(words).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9].map((n) => (n === 1 || n === 5 ? 'Partial 3' : 'Succeeded 0')));
    expect(fetched).toEqual([1, 5]);
    expect(notifications(scene)).toEqual([`afterbell Held: session ${SESSION}`]);
    expect(events(scene)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9].map(later));

    limits.clear();
    const healed = await night(scene, later(10));
    expect(healed.outcome).toMatchObject({ status: 'Succeeded', sessions: { published: [SESSION, later(10)] } });
    expect(await listAll(scene.laptop.stores.lake, 'staging/')).toEqual([]);
    expect((await night(scene, later(11))).outcome.notes?.join('\n')).not.toContain(SESSION);
  });

  test('that the vendor does not have is fetched again after the same waits', async () => {
    const limits = new Map([[SESSION, 0]]);
    const scene = await openScene({ source: limitedMarket(limits), env: ALONE });
    expect((await night(scene, SESSION)).outcome.status).toBe('Failed');
    const fetched: number[] = [];
    for (const sessions of [1, 2, 3]) {
      const { outcome, asked } = await night(scene, later(sessions));
      if (askedFor(asked, SESSION) > 0) fetched.push(sessions);
      else expect(outcome.notes?.join('\n')).toContain(`${SESSION} is still not to be had from the vendor`);
      expect(outcome.status).toBe(sessions === 1 ? 'Partial' : 'Succeeded');
    }
    expect(fetched).toEqual([1]);
    expect(notifications(scene)).toEqual([`afterbell Failed: session ${SESSION}`]);
    limits.clear();
    const healed = await night(scene, SESSION);
    expect(healed.outcome).toMatchObject({ status: 'Succeeded', sessions: { published: [SESSION] } });
  });

  test('and was served before is notified by the first night that withholds it, stays in status and is released by hand', async () => {
    const limits = new Map<string, number>();
    const scene = await openScene({ source: limitedMarket(limits), env: { TRAILING_SESSIONS: '3' } });
    limits.set(HELD.last, HALF);
    const first = await night(scene, SESSION);
    expect(first.outcome).toMatchObject({ status: 'Partial', sessions: { published: [SESSION], held: [HELD.last] } });
    expect(first.exitCode).toBe(3);
    expect(await rowsOf(scene, HELD.last)).toBe(FULL);
    expect(notifications(scene)).toEqual([`afterbell Partial: session ${SESSION}`]);
    const message = String(logLines(scene.home, 'notifications.jsonl')[0]!.message);
    expect(message).toContain(`npx afterbell night --session ${HELD.last}`);
    expect(message).toContain(
      `removes ${FULL - HALF} served rows. If it is right after all: npx afterbell release ${first.runId}`,
    );
    const second = await night(scene, NEXT);
    expect(second.outcome.status).toBe('Succeeded');
    expect(askedFor(second.asked, HELD.last)).toBe(0);
    expect(notifications(scene)).toHaveLength(1);
    expect(events(scene)).toEqual([SESSION, NEXT]);
    await scene.close();

    const env = { AFTERBELL_HOME: scene.home, AFTERBELL_NOW: '2025-11-21T13:00:00Z' };
    const waiting = await afterbell(['status'], env);
    expect(waiting.code).toBe(3);
    expect(waiting.stdout).toContain(`held: ${HELD.last}: `);
    expect(waiting.stdout).toContain(`${typed(env)} release ${first.runId}\n`);
    const released = await afterbell(['release', first.runId, '--json'], env);
    expect(released.code, released.stderr).toBe(0);
    expect(JSON.parse(released.stdout)).toMatchObject({
      sessions: { published: [HELD.last] },
      releasing: { sessions: 1, changed: 0, removed: FULL - HALF },
    });
    // The night itself ended long ago: its report and its event stay the only ones.
    const report = join(scene.home, 'lake', keys.report(SESSION, 'night.json'));
    expect(JSON.parse(readFileSync(report, 'utf8'))).toMatchObject({ runId: first.runId });
    expect(events(scene)).toEqual([SESSION, NEXT]);
    expect((await afterbell(['status'], env)).code).toBe(0);
  });
});

test('a held night still runs the jobs that a killed one left', async () => {
  const limits = new Map<string, number>();
  const scene = await openScene({ source: limitedMarket(limits), env: ALONE });
  await killNight(scene, 'Consolidate', { session: SESSION });
  limits.set(NEXT, HALF);
  const held = await night(scene, NEXT);
  expect(held.outcome.status).toBe('Held');
  expect(held.outcome.datasets.map(({ name, status }) => `${name} ${status}`)).toEqual(
    expect.arrayContaining(['prices held', 'consolidate success', 'resample success']),
  );
  await scene.close();
  const verified = await afterbell(['verify'], { AFTERBELL_HOME: scene.home });
  expect(verified.code, verified.stdout).toBe(0);
});
