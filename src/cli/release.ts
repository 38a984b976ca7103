import { NamedError } from '../errors.ts';
import { heldBy } from '../night/held-list.ts';
import type { Context } from './context.ts';
import { awaitDesk, printDesk } from './desk-outcome.ts';
import { requireBegun } from './home-lake.ts';
import { exitCodeOf, outcomeOf, printOutcome } from './outcome.ts';
import { onPipeline } from './pipeline.ts';
import { showProgress } from './progress.ts';

/** Publishes what a held run has staged and runs what remained of its night. */
export async function release(runId: string, _options: object, context: Context): Promise<number> {
  await requireBegun(context);
  return onPipeline(context, {}, async (pipeline) => {
    const held = await heldBy(pipeline.stores.runs, runId);
    if (!held) {
      throw new NamedError('Usage.Invalid', {
        what: `run ${runId} holds nothing back`,
        wanted: 'a run that held something back and was neither released nor repeated since',
        todo: '`npx afterbell status` lists held runs.',
      });
    }
    const progress = showProgress(context.terminal, pipeline.timeScale);
    const name = `release-${held.session}`;
    const result = await pipeline.run({ release: runId }, { name, ...progress, signal: context.signal });
    progress.end();
    const outcome = await outcomeOf(result, pipeline.stores, { session: held.session, kind: 'release' });
    const desk = await awaitDesk(pipeline, context, outcome.status);
    printOutcome({ ...outcome, ...(desk ? { desk } : {}) }, pipeline.stores.lake, context.terminal);
    if (desk && !context.terminal.json && desk.status !== 'Skipped') await printDesk(desk, pipeline, context.terminal);
    return exitCodeOf(outcome.status);
  });
}
