import { planRelease } from '../night/plan-release.ts';
import { releaseText } from '../night/release-effect.ts';
import { effectOf } from '../night/staged-session.ts';
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
    const { stores } = pipeline;
    const { session, sessions } = await planRelease(runId, stores);
    if (sessions.length > 0) context.terminal.note(releaseText(await effectOf(stores.lake, runId, sessions)));
    const progress = showProgress(context.terminal, pipeline.timeScale);
    const name = `release-${session}`;
    const result = await pipeline.run({ release: runId }, { name, ...progress, signal: context.signal });
    progress.end();
    const outcome = await outcomeOf(result, stores, { session, kind: 'release' });
    const desk = await awaitDesk(pipeline, context, outcome.status);
    printOutcome({ ...outcome, ...(desk ? { desk } : {}) }, stores.lake, context.terminal);
    if (desk && !context.terminal.json && desk.status !== 'Skipped') await printDesk(desk, pipeline, context.terminal);
    return exitCodeOf(outcome.status);
  });
}
