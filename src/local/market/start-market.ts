import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { NamedError } from '../../errors.ts';
import { listenOnLoopback, ownRequestsOnly } from '../loopback.ts';
import { type Market, type MarketOptions, openMarket } from './open-market.ts';
import type { MarketResponse, MisbehaviourName } from './routes.ts';

const LONGEST_BODY = 16 * 1024 * 1024;
const NONE: ReadonlySet<MisbehaviourName> = new Set();

export interface PracticeMarketOptions extends MarketOptions {
  /** 0 or absent: any free one. */
  port?: number;
}

export interface PracticeMarket extends Pick<Market, 'requests' | 'misbehave' | 'unmet'> {
  /** `http://127.0.0.1:PORT`, without a slash at the end. */
  url: string;
  close(): Promise<void>;
}

/**
 * Serves a source on 127.0.0.1 in the vendors' own shapes (Polygon/Massive, Alpaca, iShares, xAI; `GET /` tells what it
 * is). Every answer carries `x-afterbell-practice: generated|replay`. Errors: Usage.Invalid for an unknown misbehaviour or a
 * port that cannot be had.
 */
export async function startMarket(options: PracticeMarketOptions): Promise<PracticeMarket> {
  const market = openMarket(options);

  async function handle(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = 'GET', url: target = '/', headers } = incoming;
    const { answer, active } = await market.answer({ method, target, headers, readBody: () => readBody(incoming) });
    await deliver(incoming, response, answer, active);
  }

  const server = createServer(
    ownRequestsOnly((incoming, response) => {
      response.setHeader('x-afterbell-practice', options.source.kind);
      if (incoming.method === 'GET') incoming.resume();
      handle(incoming, response).catch((error: unknown) => {
        const message = error instanceof Error ? error.message : String(error);
        if (response.headersSent) response.destroy();
        else void deliver(incoming, response, { status: 500, json: { status: 'ERROR', error: message } }, NONE);
      });
    }),
  );
  const { port = 0 } = options;
  const url = await listenOnLoopback(server, port).catch((cause: NodeJS.ErrnoException) => {
    throw portTaken(port, cause);
  });

  return {
    url,
    requests: market.requests,
    misbehave: market.misbehave,
    unmet: market.unmet,
    close: () =>
      new Promise((resolve, reject) => {
        server.close((error) => (error === undefined ? resolve() : reject(error)));
        server.closeAllConnections();
      }),
  };
}

/**
 * The body as text; undefined above the limit: it is read to its end but not kept, because a client still writing would
 * see a reset connection instead of the refusal.
 */
async function readBody(incoming: IncomingMessage): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of incoming) {
    bytes += (chunk as Buffer).length;
    if (bytes <= LONGEST_BODY) chunks.push(chunk as Buffer);
  }
  return bytes > LONGEST_BODY ? undefined : Buffer.concat(chunks).toString('utf8');
}

function portTaken(port: number, cause: NodeJS.ErrnoException): NamedError {
  return new NamedError(
    'Usage.Invalid',
    {
      what: 'the practice market cannot listen',
      found: `port ${port}: ${cause.code ?? cause.message}`,
      wanted: 'a free port',
      todo: 'Choose another port, or none for any free one.',
    },
    { cause },
  );
}

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
  answer: MarketResponse,
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
