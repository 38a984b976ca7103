import * as z from 'zod';
import { lambda } from '../../src/lambda.ts';
import { checkNight } from '../../src/night/check-night.ts';

/** Publish or hold, session by session. */
export const handler = lambda({
  name: 'check-night',
  event: z.object({ runId: z.string(), released: z.array(z.string()).nullable() }),
  run: ({ runId, released }, { lake }) => checkNight(runId, lake, released),
});
