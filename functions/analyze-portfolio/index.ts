import * as z from 'zod';
import { lambda } from '../../src/lambda.ts';
import { analyzePortfolio } from '../../src/portfolio/analyze-portfolio.ts';
import { xai } from '../../src/vendors/xai.ts';

/** One step of one portfolio's analysis. */
export const handler = lambda({
  name: 'analyze-portfolio',
  event: z.object({
    runId: z.string(),
    portfolio: z.string(),
    session: z.string(),
    timestamp: z.string(),
    force: z.boolean(),
    polls: z.number(),
  }),
  secrets: { xai: 'XAI_SECRET_ARN' },
  run: (event, call) => {
    const { XAI_API: api, XAI_API_URL: baseUrl } = call.config;
    const model = () => xai({ api, baseUrl, apiKey: call.secrets.xai?.apiKey });
    return analyzePortfolio(event, call, model, call.signal);
  },
});
