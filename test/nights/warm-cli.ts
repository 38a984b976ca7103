import type { EventEmitter } from 'node:events';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type * as CommandLine from '../../src/cli/main.ts';
import { readProgram } from '../../src/local/program.ts';
import { warmProcesses } from './warm-processes.ts';

/** What to run; `script` is the executable. */
export interface WarmCommand {
  /** Ends its output on each stream. */
  mark: string;
  /** The repository. */
  root: string;
  script: string;
  args: readonly string[];
  env: Record<string, string | undefined>;
  cwd: string;
  /** The bundle of warm-job.ts. */
  jobs: string;
}

type Listener = [event: string | symbol, act: (...given: unknown[]) => void];

/** Runs the bundled command line again and again in this process: what its commands load and compile is there already. */
async function run({ mark, root, script, args, env, cwd, jobs }: WarmCommand): Promise<void> {
  const { stdout, stderr } = process;
  const emitters: EventEmitter[] = [process, stdout, stderr];
  const before = emitters.map(listenersOf);
  for (const name of Object.keys(process.env)) delete process.env[name];
  // As the executable does.
  Object.assign(process.env, { AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true' }, env);
  process.argv = [process.execPath, script, ...args];
  process.chdir(cwd);
  process.exitCode = undefined;
  const bundle = pathToFileURL(join(dirname(script), 'main.mjs')).href;
  const { main } = (await import(bundle)) as typeof CommandLine;
  await main({ ...readProgram(root), processes: warmProcesses(async () => jobs) });
  const added = emitters.map((emitter, at) =>
    listenersOf(emitter).filter(([, act]) => !before[at]!.some(([, known]) => known === act)),
  );
  for (const [event, act] of added[0]!) if (event === 'exit') act.call(process, process.exitCode);
  emitters.forEach((emitter, at) => {
    for (const [event, act] of added[at]!) emitter.removeListener(event, act);
  });
  const code = Number(process.exitCode ?? 0);
  process.exitCode = undefined;
  for (const stream of [stdout, stderr]) await new Promise((written) => stream.write(mark, written));
  process.send?.({ code });
}

function listenersOf(emitter: EventEmitter): Listener[] {
  return emitter.eventNames().flatMap((event) => emitter.rawListeners(event).map((act) => [event, act] as Listener));
}

process.on('disconnect', () => process.exit());
process.on('message', (command) => void run(command as WarmCommand));
