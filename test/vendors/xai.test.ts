import { readdirSync, readFileSync } from 'node:fs';
import { afterEach, describe, expect, test } from 'vitest';
import type { NamedError } from '../../src/errors.ts';
import { readAnswer } from '../../src/portfolio/answer.ts';
import { costOf } from '../../src/portfolio/prompt.ts';
import { type XaiApi, xai } from '../../src/vendors/xai.ts';
import { type Loopback, send, startLoopback } from './loopback.ts';
import { question } from './model-request.ts';

interface Fixture {
  title: string;
  request: { call: 'submit' | 'fetch'; requestId?: string; api?: XaiApi };
  status: number;
  headers?: Record<string, string>;
  body?: unknown;
  bodyText?: string;
  symbols?: string[];
  expected: {
    requestId?: string;
    running?: boolean;
    model?: string;
    scores?: number[];
    costUsd?: number | null;
    error?: string;
    says?: string[];
    retryAfterSeconds?: number;
  };
}

const SECRET = 'xai-secret-0123456789';
const folder = new URL('../fixtures/xai/', import.meta.url);
let server: Loopback | undefined;
afterEach(() => server?.close());

describe('xAI answers', () => {
  for (const file of readdirSync(folder).sort()) {
    const fixture = JSON.parse(readFileSync(new URL(file, folder), 'utf8')) as Fixture;
    test(`${file}: ${fixture.title}`, () => check(fixture));
  }
});

async function check({ request, status, headers, body, bodyText, symbols = [], expected }: Fixture) {
  const loopback = await startLoopback((response) => send(response, status, bodyText ?? body, headers));
  server = loopback;
  const client = xai({ api: request.api, baseUrl: `${loopback.url}/v1`, apiKey: SECRET });
  const read = async () => {
    const answer =
      request.call === 'submit' ? await client.submit(question) : await client.fetch(request.requestId ?? '');
    return { answer, analysis: answer.completion && readAnswer(answer.completion, symbols) };
  };
  if (expected.error === undefined) {
    const { answer, analysis } = await read();
    expect(answer.requestId).toBe(expected.requestId);
    expect(answer.completion?.model).toBe(expected.model);
    expect(analysis?.positions.map(({ opportunity_score }) => opportunity_score)).toEqual(expected.scores);
    if (expected.costUsd !== undefined) expect(costOf(answer.completion!, undefined)).toBe(expected.costUsd);
    expect(answer.requestId === undefined && answer.completion === undefined).toBe(expected.running === true);
  } else {
    const error = (await read().then(
      () => undefined,
      (thrown) => thrown,
    )) as NamedError;
    expect([error?.name, error?.message]).toEqual([expected.error, expect.anything()]);
    for (const words of expected.says ?? []) expect(error.message).toContain(words);
    expect(error.message).not.toContain(SECRET);
    expect(error.retryAfterSeconds).toBe(expected.retryAfterSeconds);
  }
  // One try a call: a second question is a second bill, and a finished answer can be fetched once.
  expect(loopback.requests).toHaveLength(1);
  const path = request.call === 'submit' ? 'completions' : `deferred-completion/${request.requestId}`;
  expect(loopback.requests[0]!.path).toBe(request.api === 'responses' ? '/v1/responses' : `/v1/chat/${path}`);
}

test('the address of the chat completions themselves is taken as well, and a key is needed', async () => {
  server = await startLoopback((response) => send(response, 200, { request_id: 'r' }));
  const client = xai({ baseUrl: `${server.url}/v1/chat/completions`, apiKey: SECRET });
  expect(await client.submit(question)).toEqual({ requestId: 'r', practice: false });
  expect(server.requests[0]!.path).toBe('/v1/chat/completions');
  expect(server.requests[0]!.headers.authorization).toBe(`Bearer ${SECRET}`);
  expect(() => xai({ baseUrl: 'https://api.x.ai/v1', apiKey: ' ' })).toThrow(
    expect.objectContaining({ name: 'Vendor.KeyMissing' }),
  );
});

test.each(['/v1', '/v1/responses', '/v1/chat/completions/'])(
  'the Responses API is asked the same question, with the same schema, and keeps nothing (%s)',
  async (path) => {
    let body = '';
    server = await startLoopback((response, incoming) => {
      incoming.on('data', (chunk) => (body += chunk));
      incoming.on('end', () => send(response, 200, { model: 'grok-4.7', status: 'completed', output: [] }));
    });
    const client = xai({ api: 'responses', baseUrl: `${server.url}${path}`, apiKey: SECRET });
    const { requestId, completion } = await client.submit(question);
    expect([requestId, completion?.model]).toEqual([undefined, 'grok-4.7']);
    expect(server.requests.map((asked) => asked.path)).toEqual(['/v1/responses']);
    expect(JSON.parse(body)).toEqual({
      model: 'm',
      input: question.messages,
      text: {
        format: { type: 'json_schema', name: 'n', strict: true, schema: question.response_format.json_schema.schema },
      },
      max_output_tokens: 4300,
      store: false,
    });
  },
);
