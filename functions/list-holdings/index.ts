import * as z from 'zod';
import { lambda } from '../../src/lambda.ts';
import { listHoldings } from '../../src/portfolio/list-holdings.ts';
import { portfolioRunInput } from '../../src/portfolio/portfolio-run.ts';

/** Which tickers and portfolios there are to do. */
export const handler = lambda({
  name: 'list-holdings',
  event: z.object({ runId: z.string(), input: portfolioRunInput, after: z.string().nullable() }),
  run: (event, call) => listHoldings(event, call),
});
