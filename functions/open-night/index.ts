import * as z from 'zod';
import { lambda } from '../../src/lambda.ts';
import { startInput } from '../../src/night/night.ts';
import { executionIsRunning, openNight } from '../../src/night/open.ts';

const isRunning = executionIsRunning();

/** Which session, what is due; takes the lake's lock. */
export const handler = lambda({
  name: 'open-night',
  event: z.object({
    input: startInput,
    execution: z.object({ arn: z.string(), name: z.string(), startTime: z.string() }),
  }),
  run: ({ input, execution }, call) => openNight(input, execution, { ...call, isRunning }),
});
