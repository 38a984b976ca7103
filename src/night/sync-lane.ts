import * as z from 'zod';
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

/** One step of a reference lane as a function: syncPage with the lane's log line and metrics. */
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
  return page;
}
