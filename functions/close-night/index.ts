import { loadConfig } from '../../src/config.ts';
import { lambda } from '../../src/lambda.ts';
import { closeNight, eventSender } from '../../src/night/close-night.ts';
import { closeInput } from '../../src/night/outcome.ts';

const sendEvent = eventSender(loadConfig().EVENT_BUS_NAME);

/** Verdict, ledger, night.json, event; frees the lake. */
export const handler = lambda({
  name: 'close-night',
  event: closeInput,
  run: (outcome, call) => closeNight(outcome, call, sendEvent, new Date().toISOString()),
});
