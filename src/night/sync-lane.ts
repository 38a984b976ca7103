import * as z from 'zod';
import { barsAreBehind } from '../lake/behind.ts';
import type { Call } from '../lambda.ts';
import { count } from '../log.ts';
import type { ReferenceSource, SyncPage } from './reference-source.ts';
import { syncPage } from './sync-page.ts';

export const syncRequest = z.object({
  runId: z.string(),
  session: z.string(),
  listSession: z.string(),
  openedAt: z.string(),
  release: z.string().nullish(),
});

/**
 * One step of a reference lane as a function: syncPage with the lane's log line and metrics. Once a list that bars follow
 * from is published, by whatever run, it says whether they follow it: asked of the lake and not of what this call changed,
 * so that a run killed after the publication is made good.
 */
export async function syncLane<T extends object>(
  request: z.output<typeof syncRequest>,
  call: Call,
  source: ReferenceSource<T>,
): Promise<SyncPage> {
  const page = await syncPage(source, request, call, call.log);
  if (page.done) {
    const values = { rows_written: page.new + page.changed, rejected_rows: page.rejected, pages: page.pages };
    count(call.metrics, page.dataset, values);
  }
  if (!source.barsFollow || !page.done || page.status !== 'success') return page;
  return { ...page, resample: await barsAreBehind(call.lake, call.config.RESAMPLING_INTERVALS) };
}
