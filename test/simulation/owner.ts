import { setMaxListeners } from 'node:events';
import type { Cloud, Ended } from './cloud.ts';
import { ENVIRONMENT } from './cloud.ts';
import type { World } from './world.ts';

/** `afterbell verify` on a stage: its exit code and what it answers with `--json`. */
export async function verifyStage(
  cloud: Cloud,
  world: World,
  repair: boolean,
): Promise<{ code: number; problems: string[] }> {
  const { code } = cloud.command();
  const config = code.loadConfig({ ...ENVIRONMENT, ...cloud.settings });
  const printed: string[] = [];
  const terminal = {
    ...{ json: true, live: false, colour: false, note: () => undefined, typed: (text: string) => text },
    print: (lines: string | readonly string[]) => void printed.push(...[lines].flat()),
  };
  const stage = {
    ...{ stage: 'sim', region: 'us-east-1', account: '000000000000', config, stores: code.openStores(config) },
    run: (_machine: string, input: object, { name }: { name: string }) => cloud.run(input, name),
  };
  const never = new AbortController().signal;
  setMaxListeners(0, never);
  const context = { config, program: {}, terminal, now: world.now(), signal: never, unread: never, stage };
  const exitCode = await code.verify({ repair }, context as never);
  const answer = JSON.parse(printed.at(-1) ?? '{"checks":[]}') as { checks: { problems: string[] }[] };
  return { code: exitCode, problems: answer.checks.flatMap(({ problems }) => problems) };
}

/** Two nights at once: by schedule, and by hand a moment later. */
export async function twoNights(cloud: Cloud, world: World, stop: AbortSignal): Promise<[Ended, Ended]> {
  const input = { scheduledTime: world.now().toISOString() };
  return Promise.all([cloud.run(input, 'night', stop), cloud.run(input, 'again')]);
}
