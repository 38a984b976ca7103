import * as z from 'zod';
import { lambda } from '../../src/lambda.ts';
import { renderReport } from '../../src/report/page.ts';
import { typedForStage } from '../../src/text.ts';

/** The page beside night.json. */
export const handler = lambda({
  name: 'render-report',
  event: z.object({ report: z.string(), runId: z.string().optional() }),
  run: async ({ report }, { lake, config }) => ({
    page: await renderReport(report, lake, config.REPORT_SYMBOLS, typedForStage(config.STAGE)),
  }),
});
