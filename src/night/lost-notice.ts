import { atStage } from './at-stage.ts';

/** An execution that ended without a word of its own: killed, stopped, timed out. */
export interface LostExecution {
  name: string;
  /** Step Functions' own word: ABORTED, TIMED_OUT, FAILED. People read `Interrupted`, whichever it was. */
  status: string;
  error: string;
  cause: string;
  /** Instant at which it was found to have ended, ISO. */
  time: string;
  /** Where it can be looked at. */
  link: string;
  stage: string;
}

/** Pure: the same words, in the same order, as the event rule `execution-lost` of a stage sends. */
export function lostNotice(lost: LostExecution): { subject: string; message: string } {
  const there = atStage(lost.stage);
  const message = [
    `Interrupted: execution ${lost.name} ended (${lost.status}), and told nobody why.`,
    `Since ${lost.time}.`,
    'What was served before is served still, and what was stored by then is sound.',
    `Error: ${lost.error}: ${lost.cause}`,
    `Execution: ${lost.link}`,
    `Repair: npx afterbell night${there}, which goes on where it was (npx afterbell status${there} names what is missing)`,
  ].join('\n');
  return { subject: `afterbell Interrupted: ${lost.name}`.slice(0, 100), message };
}
