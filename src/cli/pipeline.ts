import type { Stage } from '../deployed/stage.ts';
import { NamedError } from '../errors.ts';
import type { Notification } from '../local/aws/sns.ts';
import { type Laptop, openLaptop } from '../local/laptop.ts';
import type { Context } from './context.ts';
import { notifiedText } from './notified.ts';

/** What a command drives: this computer, or a deployed stage. Both run the same machines over the same stores. */
export type Pipeline = Pick<Laptop, 'practice' | 'timeScale' | 'stores' | 'run' | 'settled'> & {
  /** How vendors are reached from here; a stage's keys stay there. */
  vendors?: Laptop['vendors'];
};

export interface LaptopNeeds {
  misbehave?: readonly string[];
  flatFiles?: string;
  realModel?: boolean;
}

/** Opens the pipeline the command line names for one piece of work and closes it whatever happens. */
export async function onPipeline<T>(
  context: Context,
  needs: LaptopNeeds,
  work: (pipeline: Pipeline) => Promise<T>,
): Promise<T> {
  if (context.stage) return work(driven(context.stage, context));
  return onLaptop(context, needs, work);
}

/** Opens the laptop for one piece of work and closes it whatever happens. */
export async function onLaptop<T>(
  { config, program, terminal, stage }: Context,
  options: LaptopNeeds,
  work: (laptop: Laptop) => Promise<T>,
): Promise<T> {
  if (stage) throw localOnly('this');
  const onNotify = (notification: Notification) => {
    if (!terminal.json) terminal.note(notifiedText(notification));
  };
  const laptop = await openLaptop({ config, program, onNotify, ...options });
  try {
    return await work(laptop);
  } finally {
    await laptop.close();
  }
}

/** Why a command, or an option of one, does nothing with --stage. */
export function localOnly(what: string, why = 'it belongs to a home on this computer'): NamedError {
  return new NamedError('Usage.Invalid', { what: `${what} does not work with --stage`, found: why });
}

function driven(stage: Stage, { terminal }: Context): Pipeline {
  return {
    practice: false,
    timeScale: 1,
    stores: stage.stores,
    run: (input, { machine = 'nightly', ...options }) => {
      const onStarted = ({ console }: { console: string }) => terminal.note(`  ${console}`);
      return stage.run(machine, input, { ...options, onStarted });
    },
    // What an event starts over there is followed there.
    settled: async () => [],
  };
}
