import { Random } from './random.ts';
import { type Before, type Means, Scene } from './scene.ts';
import type { Past } from './script.ts';
import { SESSIONS } from './sessions.ts';
import { contentOf } from './stores.ts';

/** How a past ended, and what was wrong with it. */
interface Ended extends Before {
  problems: string[];
  log: string[];
}

const remembered = new WeakMap<object, { name: string; program: object; ended: Ended }>();

/**
 * The past of a script, with the warehouse as it left it. The one that was asked for last is remembered: seeds after one
 * another have the same.
 */
export async function enterPast(past: Past, means: Means): Promise<Ended> {
  const { warehouse, program } = means;
  const name = JSON.stringify(past);
  const last = remembered.get(warehouse);
  const isSame = last?.name === name && last.program === program;
  const ended = isSame ? last.ended : await live(past, means);
  if (!isSame) {
    await warehouse.keep();
    remembered.set(warehouse, { name, program, ended });
  }
  await warehouse.restore();
  return ended;
}

async function live(past: Past, means: Means): Promise<Ended> {
  await means.warehouse.empty();
  const { seed, first, history } = past;
  const random = new Random(`life ${seed}`);
  const scene = await Scene.open({ ...means, past, random, settings: {}, wholeSdk: false });
  const { world, outcome, stores, folder, lake } = scene;
  if (history > 0) {
    const input = { from: SESSIONS[first - history], to: SESSIONS[first - 1], source: 'api' };
    try {
      await scene.execute('backfill', input, [], []);
    } catch (error) {
      outcome.problems.push(`the simulation ended: ${(error as Error).stack}`);
    }
  }
  return {
    wall: world.wall,
    elapsed: world.elapsed,
    content: await contentOf(stores),
    folder: folder?.content(),
    ...{ lake, heard: scene.heard, problems: outcome.problems, log: outcome.log },
  };
}
