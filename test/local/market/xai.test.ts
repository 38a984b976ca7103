import { afterEach, beforeEach, expect, test } from 'vitest';
import { generateMarket } from '../../../src/local/market/generator.ts';
import { type PracticeMarket, startMarket } from '../../../src/local/market/start-market.ts';
import { readAnswer } from '../../../src/portfolio/answer.ts';
import { type ModelRequest, type XaiApi, xai } from '../../../src/vendors/xai.ts';

const data = {
  portfolio: 'p',
  positions: [
    { symbol: 'AAPL', rsi14: 30 },
    { symbol: 'KIMpL', rsi14: null },
  ],
};
const request: ModelRequest = {
  model: 'grok-4.3',
  messages: [
    { role: 'system', content: 'Judge {these}.' },
    { role: 'user', content: `<portfolio-data>\n${JSON.stringify(data)}\n</portfolio-data>` },
  ],
  response_format: { type: 'json_schema', json_schema: { name: 'portfolio_analysis', strict: true, schema: {} } },
  max_completion_tokens: 4600,
};
const symbols = ['AAPL', 'KIMpL'];
let market: PracticeMarket;
beforeEach(async () => {
  market = await startMarket({ source: generateMarket({ symbols: 20, seed: 1 }) });
});
afterEach(() => market.close());
const model = (http = {}, api: XaiApi = 'chat') => xai({ api, baseUrl: `${market.url}/v1`, apiKey: 'practice', http });

async function ask() {
  const { requestId } = await model().submit(request);
  expect((await model().fetch(requestId!)).completion).toBeUndefined();
  return model().fetch(requestId!);
}

test('a deferred answer is running at the first look, handed out once, practice, and then gone', async () => {
  const { requestId, practice } = await model().submit(request);
  expect(practice).toBe(true);
  expect((await model().fetch(requestId!)).completion).toBeUndefined();
  const { completion } = await model().fetch(requestId!);
  expect(completion).toMatchObject({ model: 'grok-practice', system_fingerprint: 'fp_practice' });
  const { summary, positions } = readAnswer(completion!, symbols);
  expect(summary).toMatch(/^Practice:/);
  expect(positions[0]).toMatchObject({ symbol: 'AAPL', opportunity_score: 70 });
  await expect(model().fetch(requestId!)).rejects.toMatchObject({ name: 'Vendor.NotFound' });
});

test('the same question has the same answer, and one without `deferred` has it at once', async () => {
  const post = { method: 'POST', headers: { authorization: 'Bearer x' }, body: JSON.stringify(request) };
  const answers = [];
  for (let i = 0; i < 2; i++) {
    const answer = await fetch(`${market.url}/v1/chat/completions`, post);
    answers.push(((await answer.json()) as { choices: unknown }).choices);
  }
  expect(answers[0]).toEqual(answers[1]);
  const wrong = await fetch(`${market.url}/v1/chat/completions`, { ...post, body: '{"model":"m"}' });
  expect([wrong.status, await wrong.json()]).toMatchObject([400, { error: expect.stringContaining('messages') }]);
  expect((await fetch(`${market.url}/v1/chat/completions`, { headers: post.headers })).status).toBe(404);
});

test.each([
  ['refusal', 'Model.Refused'],
  ['cut-answer', 'Model.Truncated'],
  ['invalid-answer', 'Model.InvalidJson'],
  ['wrong-symbols', 'Model.WrongSymbols'],
  ['out-of-range', 'Model.OutOfRange'],
])('%s is %s', async (misbehaviour, name) => {
  market.misbehave([misbehaviour]);
  const { completion } = await ask();
  expect(() => readAnswer(completion!, symbols)).toThrow(expect.objectContaining({ name }));
  const { completion: response } = await model({}, 'responses').submit(request);
  expect(() => readAnswer(response!, symbols)).toThrow(expect.objectContaining({ name }));
});

test('the Responses API gives the same answer, at once', async () => {
  const { completion } = await ask();
  const { requestId, completion: response, practice } = await model({}, 'responses').submit(request);
  expect([requestId, practice, response!.model]).toEqual([undefined, true, 'grok-practice']);
  expect(readAnswer(response!, symbols)).toEqual(readAnswer(completion!, symbols));
  expect(response!.usage).toEqual(completion!.usage);
  const post = { method: 'POST', headers: { authorization: 'Bearer x' }, body: '{"model":"m"}' };
  const wrong = await fetch(`${market.url}/v1/responses`, post);
  expect([wrong.status, await wrong.json()]).toMatchObject([400, { error: expect.stringContaining('input') }]);
});

test.each([
  ['no-credits', 'Vendor.NoCredits'],
  ['unauthorized@xai', 'Vendor.AuthFailed'],
  ['rate-limit@xai', 'Vendor.RateLimited'],
  ['server-error@completions', 'Vendor.Unavailable'],
  ['truncated-json@xai', 'Vendor.TruncatedBody'],
  // Its end comes later than any limit on a body.
  ['slow-body@xai', 'Vendor.Unavailable', { timeoutMs: 500 }],
])('%s is %s', async (misbehaviour, name, http?) => {
  market.misbehave([misbehaviour]);
  await expect(model(http).submit(request)).rejects.toMatchObject({ name });
  market.misbehave([misbehaviour.replace('@completions', '@responses')]);
  await expect(model(http, 'responses').submit(request)).rejects.toMatchObject({ name });
});

test('slow-model keeps an answer back for as many looks as wished', async () => {
  const { requestId } = await model().submit(request);
  market.misbehave(['slow-model:4']);
  for (let look = 0; look < 4; look++) expect((await model().fetch(requestId!)).completion).toBeUndefined();
  expect((await model().fetch(requestId!)).completion).toBeDefined();
});
