import { NamedError } from '../errors.ts';
import { heldBy } from '../night/held-list.ts';
import { type Context, onLaptop } from './context.ts';
import { awaitDesk, printDesk } from './desk-outcome.ts';
import { exitCodeOf, outcomeOf, printOutcome } from './outcome.ts';
import { showProgress } from './progress.ts';

/** Publishes what a held run has staged and runs what remained of its night. */
export async function release(runId: string, _options: object, context: Context): Promise<number> {
  return onLaptop(context, {}, async (laptop) => {
    const held = await heldBy(laptop.stores.runs, runId);
    if (!held) {
      throw new NamedError('Usage.Invalid', {
        what: `run ${runId} holds nothing back`,
        wanted: 'a run that held something back and was neither released nor repeated since',
        todo: '`npx afterbell status` lists held runs.',
      });
    }
    const progress = showProgress(context.terminal, laptop.timeScale);
    const name = `release-${held.session}`;
    const result = await laptop.run({ release: runId }, { name, ...progress, signal: context.signal });
    progress.end();
    const outcome = await outcomeOf(result, laptop.stores, { session: held.session, kind: 'release' });
    const desk = await awaitDesk(laptop, context);
    printOutcome({ ...outcome, ...(desk ? { desk } : {}) }, laptop.home, context.terminal);
    if (desk && !context.terminal.json && desk.status !== 'Skipped') await printDesk(desk, laptop, context.terminal);
    return exitCodeOf(outcome.status);
  });
}
