import type { IncomingMessage, ServerResponse } from 'node:http';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import type { Answer } from './market-route.ts';
import type { MisbehaviourName } from './misbehaviour.ts';

const zip = promisify(gzip);
const TRICKLE_MS = 500;
const TRICKLE_FOR_MS = 60_000;

/** One byte each half second for a minute, then the line goes dead: longer than any sensible body timeout. */
function trickle(response: ServerResponse, body: Buffer): void {
  let sent = 0;
  const timer = setInterval(() => {
    if (sent * TRICKLE_MS >= TRICKLE_FOR_MS || sent + 1 >= body.length) {
      clearInterval(timer);
      response.destroy();
      return;
    }
    response.write(body.subarray(sent, sent + 1));
    sent += 1;
  }, TRICKLE_MS);
  response.on('close', () => clearInterval(timer));
  response.flushHeaders();
}

/** Sends an answer, gzipped when the client takes it; `truncated-json` cuts the text, `slow-body` never finishes it. */
export async function deliver(
  request: IncomingMessage,
  response: ServerResponse,
  answer: Answer,
  active: ReadonlySet<MisbehaviourName>,
): Promise<void> {
  const whole = Buffer.from(answer.json === undefined ? (answer.text ?? '') : JSON.stringify(answer.json), 'utf8');
  response.statusCode = answer.status;
  response.setHeader('content-type', answer.type ?? 'application/json');
  for (const [name, value] of Object.entries(answer.headers ?? {})) response.setHeader(name, value);
  if (active.has('slow-body')) return trickle(response, whole);
  const body = active.has('truncated-json') ? whole.subarray(0, Math.floor(whole.length / 2)) : whole;
  const zipped = body.length > 0 && /\bgzip\b/.test(String(request.headers['accept-encoding'] ?? ''));
  const sent = zipped ? await zip(body, { level: 1 }) : body;
  if (zipped) response.setHeader('content-encoding', 'gzip');
  response.setHeader('content-length', sent.length);
  response.end(sent);
}
