import { causeText } from '../night/outcome.ts';
import type { Context } from './context.ts';
import { onPipeline } from './pipeline.ts';
import { showProgress } from './progress.ts';
import { figure, statusWord } from './terminal.ts';

/** Runs the monthly maintenance now: vacuum, then the warehouse's retention. */
export async function maintain(context: Context): Promise<number> {
  const { terminal, signal, config } = context;
  return onPipeline(context, {}, async (pipeline) => {
    const progress = showProgress(terminal, pipeline.timeScale);
    const result = await pipeline.run({}, { machine: 'maintenance', name: 'maintenance', ...progress, signal });
    progress.end();
    const seconds = (Date.parse(result.stoppedAt) - Date.parse(result.startedAt)) / 1000;
    const done = result.output as { sessions: number; deleted: number; savedToLake: number } | undefined;
    const status = result.status === 'SUCCEEDED' ? 'Succeeded' : 'Failed';
    const reasons = done ? [] : [causeText(result.cause ?? result.status)];
    if (terminal.json) terminal.print(JSON.stringify({ runId: result.runId, status, seconds, ...done, reasons }));
    else {
      terminal.print(`\n${statusWord(status, terminal)}: maintenance in ${seconds.toFixed(1)} s (${result.runId})`);
      for (const reason of reasons) terminal.print(`- ${reason}`);
      if (done) {
        terminal.print(
          `stock_prices: ${figure(done.deleted)} rows older than ${config.RETENTION_YEARS} years removed, ${figure(done.savedToLake)} of them saved to the lake first.`,
        );
      }
    }
    return status === 'Succeeded' ? 0 : 1;
  });
}
