import { loadConfig } from '../../src/config.ts';
import { readJson } from '../../src/lake/lake.ts';
import { lambda } from '../../src/lambda.ts';
import { closeNight, eventSender, measureNight } from '../../src/night/close.ts';
import { closeInput } from '../../src/night/close-input.ts';
import type { NightReport } from '../../src/records/run.ts';

const sendEvent = eventSender(loadConfig().EVENT_BUS_NAME);

/** Verdict, ledger, night.json, event; frees the lake. */
export const handler = lambda({
  name: 'close-night',
  event: closeInput,
  run: async (outcome, call) => {
    const closed = await closeNight(outcome, call, sendEvent, new Date().toISOString());
    const report = await readJson<NightReport>(call.lake, closed.report);
    if (report) measureNight(report, call.metrics);
    return closed;
  },
});
