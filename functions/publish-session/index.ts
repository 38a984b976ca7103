import * as z from 'zod';
import { lambda } from '../../src/lambda.ts';
import { count } from '../../src/log.ts';
import { publishSession } from '../../src/night/publish-session.ts';

/** One checked session from staging to what is served. */
export const handler = lambda({
  name: 'publish-session',
  event: z.object({ runId: z.string(), session: z.string(), night: z.string().optional() }),
  run: async (event, call) => {
    const published = await publishSession(event, call);
    const { rejected } = published;
    count(call.metrics, 'prices', { rows_written: published.new + published.changed, rejected_rows: rejected });
    return published;
  },
});
