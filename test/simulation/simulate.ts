import type { PlannedFault } from './faults.ts';
import { keyOf } from './oracle-bar.ts';
import { allBytes, changedBytes } from './oracle-bytes.ts';
import { checkRelease } from './oracle-reports.ts';
import { twoNights, verifyStage } from './owner.ts';
import { enterPast } from './past.ts';
import { Random } from './random.ts';
import { type Means, type Outcome, Scene } from './scene.ts';
import type { Script, Step } from './script.ts';
import { lastClosed, morningAfter, SESSIONS } from './sessions.ts';
import { BUCKET } from './stores.ts';
import type { World } from './world.ts';

export type { Means, Outcome } from './scene.ts';

/** Runs one history to its end, or to the first thing that is wrong. */
export async function simulate(script: Script, means: Means): Promise<Outcome> {
  const { seed, past, settings, market, hasFmp: needsFmp } = script;
  const before = await enterPast(past, means);
  const random = new Random(`world ${seed}`);
  // The SDK takes as long as the rest of a call; one history in ten has all of it.
  const wholeSdk = random.of('sdk').chance(0.1);
  const hasFmp = needsFmp || random.of('fmp').chance(0.35);
  const scene = await Scene.open({ ...means, past, random, settings, wholeSdk, before, market, hasFmp });
  const { world, source, stores, lake, cloud, outcome } = scene;
  outcome.problems.push(...before.problems);
  const { first, history } = past;
  let lastSession = SESSIONS[first - 1];

  const night = (faults: readonly PlannedFault[] = [], misbehave: readonly string[] = [], back = 0) => {
    const session = SESSIONS[SESSIONS.indexOf(lastClosed(world.wall)) - back];
    const asked = { scheduledTime: world.now().toISOString(), ...(back > 0 && { session }) };
    return scene.execute(back > 0 ? 'older night' : 'night', asked, faults, misbehave);
  };

  async function take(step: Step): Promise<void> {
    switch (step.kind) {
      case 'night':
        sleepUntilMorning(world, step.days);
        while (step.fresh && lastClosed(world.wall) === lastSession) sleepUntilMorning(world, 1);
        lastSession = lastClosed(world.wall);
        if (step.damage) await whileDamaged(() => night(step.faults, step.misbehave));
        else if (!step.twice) await night(step.faults, step.misbehave, step.back);
        else {
          const stop = scene.begin('two nights', {}, step.faults, step.misbehave);
          const both = await world.run(twoNights(cloud, world, stop.signal));
          scene.end();
          for (const ended of both) await scene.judge('two nights', ended, { faults: 1 });
          const [one, other] = both.map(({ output }) => (output ?? {}) as { status?: string; session?: string });
          const isDouble =
            one!.status === 'Succeeded' && other!.status === 'Succeeded' && one!.session === other!.session;
          if (isDouble && step.faults.length === 0)
            outcome.problems.push('both of two nights of one session did its work');
        }
        return;
      case 'backfill': {
        const start = first - history - (step.back ?? step.sessions);
        const to = SESSIONS[start + step.sessions - 1]!;
        const from = SESSIONS[start]!;
        await scene.execute('backfill', { from, to, source: 'api' }, step.faults, step.misbehave);
        return;
      }
      case 'release': {
        const run = lake.keys('staging/run=').map((key) => /run=([^/]+)/.exec(key)![1]!)[0];
        scene.released = true;
        if (!run) return;
        const own = lake.keys(`staging/run=${run}/date=`).map((key) => /date=([0-9-]+)/.exec(key)![1]!);
        const ended = await scene.execute('release', { release: run }, step.faults, []);
        if (ended) outcome.problems.push(...checkRelease(lake, ended.runId, own));
        return;
      }
      case 'task': {
        if (step.days) sleepUntilMorning(world, step.days);
        const input = { task: step.task, settings: step.settings, session: lastClosed(world.wall) };
        if (step.withoutSplits && !scene.folder) await resampleWithoutSplits(input);
        else await scene.execute('task', input, step.faults, []);
        return;
      }
      case 'settings':
        cloud.configure({ ...scene.usual, ...step.settings });
        return;
      case 'upgrade':
        cloud.upgrade();
        return;
      case 'verify':
        await verify(step.repair);
        return;
      case 'vacuum': {
        scene.begin('vacuum', { days: step.days }, step.faults, []);
        const { code } = await world.run(cloud.job('consolidator', {}, ['vacuum', '--retention-days', `${step.days}`]));
        scene.end();
        if (code !== 0 && step.faults.length === 0) outcome.problems.push(`vacuum ended with ${code}`);
        return;
      }
      default:
    }
  }

  /** The history of a symbol that is new today cannot be read, until the owner takes it away. */
  async function whileDamaged(work: () => Promise<unknown>): Promise<void> {
    const key = `/${BUCKET}/bronze/raw_ohlcv/symbol=${keyOf(source.newcomer!)}/data.parquet`;
    const bytes = Buffer.from('no Parquet file');
    stores.s3.objects.set(key, { bytes, etag: '"damaged"' } as never);
    scene.damaged = true;
    await work();
    scene.damaged = false;
    if (stores.s3.objects.get(key)?.bytes === bytes) stores.s3.objects.delete(key);
  }

  /** Lists of splits that are gone do not say that there were none. */
  async function resampleWithoutSplits(input: object): Promise<void> {
    const isSplits = (key: string) => key.startsWith(`/${BUCKET}/reference/splits/`);
    const away = [...stores.s3.objects].filter(([key]) => isSplits(key));
    const versions = () => lake.keys('silver/').map((key) => `${key} ${lake.version(key)}`);
    const before = versions();
    for (const [key] of away) stores.s3.objects.delete(key);
    const stop = scene.begin('task without the lists of splits', input, [], []);
    await world.run(cloud.run(input, 'task', stop.signal));
    for (const [key, object] of away) stores.s3.objects.set(key, object);
    if (versions().join() !== before.join()) outcome.problems.push('bars were made without the splits that are gone');
  }

  /** What a good night has left is whole; and what is not is made so. */
  async function verify(repair: boolean): Promise<void> {
    scene.begin('verify', { repair }, [], []);
    const { code, problems } = await world.run(verifyStage(cloud, world, repair));
    world.say(`— verify ends with ${code} ${problems.join('; ')}`);
    if (code !== 0 && (scene.isClean || repair))
      outcome.problems.push(`verify ended with ${code}: ${problems.join('; ')}`);
    if (code === 0 && problems.length > 0) outcome.problems.push(`verify found ${problems[0]}, and ended with 0`);
  }

  /**
   * A night that is done is skipped when it is run again; asked for by name it is done again. Neither changes a byte.
   * @param isNew the night brought its session: one that did not fills no gaps a backfill left, and one asked for by name does
   */
  async function repeat(session: string, isNew: boolean): Promise<void> {
    for (const input of [{ scheduledTime: world.now().toISOString() }, ...(isNew ? [{ session }] : [])]) {
      if (outcome.problems.length > 0 || ('session' in input && !random.of('repeat').chance(0.3))) return;
      const before = await allBytes(lake, stores);
      const ended = await scene.execute('repeat', input, [], []);
      const { status } = (ended?.output ?? {}) as { status?: string };
      if (status !== ('session' in input ? 'Succeeded' : 'Skipped'))
        outcome.problems.push(`a good night that was run again ended ${status ?? ended?.error}`);
      const changed = changedBytes(before, await allBytes(lake, stores));
      if (changed.length > 0) outcome.problems.push(`a repeated night changed ${changed.join(', ')}`);
    }
  }

  // Node would end the process, whatever else it was doing.
  const unhandled = (error: Error) => void outcome.problems.push(`nobody waited for what failed: ${error.stack}`);
  process.on('unhandledRejection', unhandled);
  try {
    for (const step of script.steps) {
      if (outcome.problems.length > 0) break;
      await take(step);
    }
    // A quiet night makes everything right. One that had something to withhold is followed by another, and so is one that
    // fills only some of the gaps that a backfill left.
    const isFollowed = random.of('nights').chance(0.15) || script.steps.some(({ kind }) => kind === 'backfill');
    for (let last = 0; last < 2 && outcome.problems.length === 0; last += 1) {
      sleepUntilMorning(world, 1);
      while (lastClosed(world.wall) === lastSession) sleepUntilMorning(world, 1);
      lastSession = lastClosed(world.wall);
      const { session } = ((await night()).output ?? {}) as { session?: string };
      if (!scene.isClean || !session || (last === 0 && isFollowed)) continue;
      await repeat(session, session === lastSession);
      scene.isClean = true;
      if (outcome.problems.length === 0 && random.of('verify').chance(0.2)) await verify(false);
      break;
    }
  } catch (error) {
    outcome.problems.push(`the simulation ended: ${(error as Error).stack}`);
  } finally {
    process.off('unhandledRejection', unhandled);
  }
  return { ...outcome, seed, effects: world.effects, log: [...before.log, ...outcome.log] };
}

function sleepUntilMorning(world: World, days: number): void {
  for (let day = 0; day < days; day += 1) {
    const today = new Date(world.wall - 8 * 3_600_000).toISOString().slice(0, 10);
    world.pass(Math.max(60_000, Date.parse(morningAfter(today)) - world.wall));
  }
}
