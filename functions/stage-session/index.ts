import * as z from 'zod';
import { barSource } from '../../src/datasets/prices.ts';
import { lambda } from '../../src/lambda.ts';
import { stageSession } from '../../src/night/stage-session.ts';

/** One session's bars into staging. */
export const handler = lambda({
  name: 'stage-session',
  event: z.object({
    runId: z.string(),
    openedAt: z.string(),
    session: z.string(),
    source: z.enum(['api', 'flat-files']),
    again: z.boolean().default(false),
    once: z.boolean().default(false),
  }),
  secrets: { polygon: 'POLYGON_SECRET_ARN', flatFiles: 'FLAT_FILES_SECRET_ARN' },
  run: (event, call) => stageSession(barSource(event.source, call), event, call.lake, call.log),
});
