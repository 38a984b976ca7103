import * as z from 'zod';
import { lambda } from '../../src/lambda.ts';
import { count } from '../../src/log.ts';
import { updateTickerData } from '../../src/portfolio/update-ticker-data.ts';

/** Price, RSI and MA50 of a range of held tickers, from the lake. */
export const handler = lambda({
  name: 'update-ticker-data',
  event: z.object({
    runId: z.string().optional(),
    session: z.string(),
    only: z.string().nullable(),
    chunk: z.object({ from: z.string(), to: z.string().nullable() }),
  }),
  run: async (event, call) => {
    const updated = await updateTickerData(event, call);
    count(call.metrics, 'ticker-data', { rows_written: updated.written, rejected_rows: updated.failed.count });
    return updated;
  },
});
