import * as z from 'zod';
import type { Call } from '../lambda.ts';
import { count } from '../log.ts';
import { enrich } from './enrich.ts';
import type { EnrichmentPage, EnrichmentSource } from './enrichment.ts';
import { syncRequest } from './sync-lane.ts';

export const enrichRequest = syncRequest
  .omit({ listSession: true })
  .extend({ vendorDown: z.record(z.string(), z.string()).default({}) });

/** One step of an enrichment as a function: enrich with the lane's log line and metrics. */
export async function enrichLane<R>(
  request: z.output<typeof enrichRequest>,
  call: Call,
  source: EnrichmentSource<R>,
): Promise<EnrichmentPage> {
  const page = await enrich(source, request, call, call);
  if (page.done) {
    const values = { rows_written: page.new + page.changed, rejected_rows: page.rejected, pages: page.pages };
    count(call.metrics, page.dataset, values);
  }
  return page;
}
