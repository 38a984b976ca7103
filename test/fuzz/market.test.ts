import fc from 'fast-check';
import { expect } from 'vitest';
import { generateMarket } from '../../src/local/market/generator.ts';
import { openMarket } from '../../src/local/market/open-market.ts';
import { parseMisbehaviours } from '../../src/local/market/routes.ts';
import { door, jsonLike, textLike } from './door.ts';

const source = generateMarket({ symbols: 30, seed: 1 });
const market = openMarket({ source, now: () => new Date('2026-11-22T12:00:00Z') });
const KEYS = { authorization: 'Bearer any', 'apca-api-key-id': 'any', 'apca-api-secret-key': 'any', apikey: 'any' };

interface Wire {
  method: string;
  target: string;
  body: string;
}

const DAY = '/v2/aggs/grouped/locale/us/market/stocks/2026-11-20';
const PATHS = [
  ...[
    '/',
    `${DAY}?adjusted=false&include_otc=true`,
    '/v3/reference/tickers?market=stocks&active=true&limit=10&order=asc',
  ],
  ...[
    '/v3/reference/tickers?cursor=YXA9QUJD',
    '/v3/reference/tickers/AAPL?date=2026-11-20',
    '/v3/reference/splits?limit=3',
  ],
  ...['/stocks/v1/splits?limit=5000&sort=execution_date.asc&execution_date.gte=2020-01-01', '/v2/assets?status=active'],
  ...[
    '/v1/indicators/rsi/AAPL?timestamp.lte=2026-11-20&window=14&limit=1',
    '/stable/dcf-bulk',
    '/stable/profile?symbol=A',
  ],
  ...['/stable/profile-bulk?part=0', '/stable/discounted-cash-flow?symbol=BRK-B', '/v1/chat/deferred-completion/id'],
];
const CHAT = {
  model: 'grok-4.3',
  deferred: true,
  messages: [{ role: 'user', content: '{"positions":[{"symbol":"AAPL","quantity":1}]}' }],
  response_format: { type: 'json_schema', json_schema: { name: 'n', strict: true, schema: { type: 'object' } } },
  max_completion_tokens: 100,
};
const ASK = {
  model: 'm',
  input: CHAT.messages,
  text: { format: { type: 'json_schema', name: 'n', schema: {} } },
  store: false,
};

const pages: fc.Arbitrary<Wire> = fc.record({
  method: fc.oneof({ weight: 9, arbitrary: fc.constant('GET') }, fc.constantFrom('POST', 'HEAD', 'DELETE', '')),
  target: fc.oneof(
    { weight: 6, arbitrary: textLike(PATHS) },
    fc.webPath(),
    fc.constantFrom('', '*', '//', '//[', '/%', 'http://[', '/?', `${DAY.slice(0, -10)}9999-99-99`),
  ),
  body: fc.constant(''),
});
const questions: fc.Arbitrary<Wire> = fc.record({
  method: fc.constant('POST'),
  target: fc.constantFrom('/v1/chat/completions', '/v1/responses'),
  body: jsonLike([CHAT, ASK]),
});

door('market', {
  inputs: fc.record({
    request: fc.oneof({ weight: 2, arbitrary: pages }, { weight: 1, arbitrary: questions }),
    headers: fc.constantFrom(KEYS, KEYS, KEYS, {}),
  }),
  enter: async ({ request: { method, target, body }, headers }) => {
    const { answer } = await market.answer({ method, target, headers, readBody: async () => body });
    expect([200, 202, 400, 401, 403, 404]).toContain(answer.status);
    expect(answer.text ?? JSON.stringify(answer.json)).toBeTypeOf('string');
    return String(answer.status);
  },
  kept: {
    'a symbol that is half an escape': () => {
      return { request: { method: 'GET', target: '/v1/indicators/rsi/%A?window=14', body: '' }, headers: KEYS };
    },
    'a question of null': () => ({ request: { method: 'POST', target: '/v1/responses', body: 'null' }, headers: KEYS }),
    'a target that is no address': () => ({ request: { method: 'GET', target: '//', body: '' }, headers: KEYS }),
  },
});

door('market, misbehaviours', {
  inputs: textLike(['half-missing', 'server-error:3', 'unauthorized@alpaca', 'rate-limit@tickers:2,truncated-json']),
  enter: (text) => {
    for (const { routes, times } of parseMisbehaviours([text])) {
      expect(routes.length).toBeGreaterThan(0);
      expect(times).toBeGreaterThan(0);
    }
  },
});
