import { gunzipSync, gzipSync } from 'node:zlib';
import type { LambdaClient } from '@aws-sdk/client-lambda';
import * as z from 'zod';
import { MIB } from '../body.ts';

/** The scheme of an address whose host is a function: `lambda://afterbell-try-practice-market`. */
export const FUNCTION_SCHEME = 'lambda:';

/** One request of a vendor's API, as the function of a practice market is invoked with it. */
export const InvokedRequest = z.object({
  method: z.enum(['GET', 'POST']),
  /** Path with query. */
  target: z.string(),
  headers: z.record(z.string(), z.string()),
  /** Of a POST. */
  body: z.string().optional(),
});
export type InvokedRequest = z.output<typeof InvokedRequest>;

export interface InvokedResponse {
  status: number;
  headers: Record<string, string>;
  /** Gzipped and in base64: a function answers with 6 MB at most. */
  body: string;
}

/** The body in the form that fits into a function's answer. */
export function packBody(text: string): string {
  return gzipSync(text).toString('base64');
}

const LARGEST_BODY = 128 * MIB;
let shared: Promise<LambdaClient> | undefined;

/**
 * `fetch` for a practice market that is a function: invoked with the caller's own role, so it has no address that anybody
 * else could ask. Rejects as `fetch` does when there is no answer.
 */
export async function askFunction(address: string, init: RequestInit, client = ownClient()): Promise<Response> {
  const { host, pathname, search } = new URL(address);
  const { method = 'GET', headers, body, signal } = init;
  const request = InvokedRequest.parse({
    method,
    target: `${pathname}${search}`,
    headers: Object.fromEntries(new Headers(headers)),
    ...(typeof body === 'string' ? { body } : {}),
  });
  const { InvokeCommand } = await import('@aws-sdk/client-lambda');
  const command = new InvokeCommand({ FunctionName: host, Payload: JSON.stringify(request) });
  const lambda = await client;
  signal?.throwIfAborted();
  const { FunctionError, Payload } = await lambda
    .send(command, signal ? { abortSignal: signal } : {})
    .catch((cause: Error) => {
      signal?.throwIfAborted();
      throw noAnswer(cause);
    });
  const text = Buffer.from(Payload ?? []).toString('utf8');
  if (FunctionError !== undefined) throw noAnswer(new Error(`${host} failed: ${text.slice(0, 300)}`));
  const response = JSON.parse(text) as InvokedResponse;
  const bytes = gunzipSync(Buffer.from(response.body, 'base64'), { maxOutputLength: LARGEST_BODY });
  return new Response(new Uint8Array(bytes), { status: response.status, headers: response.headers });
}

function noAnswer(cause: Error): TypeError {
  return new TypeError('fetch failed', { cause });
}

/** Loaded when a function is asked for the first time: stages with real vendors never need it. */
function ownClient(): Promise<LambdaClient> {
  shared ??= import('@aws-sdk/client-lambda').then(({ LambdaClient: Client }) => new Client({}));
  return shared;
}
