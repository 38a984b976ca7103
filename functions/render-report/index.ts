import * as z from 'zod';
import { lambda } from '../../src/lambda.ts';
import { renderReport } from '../../src/report/page.ts';

/** The page beside night.json. */
export const handler = lambda({
  name: 'render-report',
  event: z.object({ report: z.string(), runId: z.string().optional() }),
  run: async ({ report }, { lake, config }) => ({ page: await renderReport(report, lake, config.REPORT_SYMBOLS) }),
});
