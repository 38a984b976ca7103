import { readdirSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import { expect } from 'vitest';
import { NamedError } from '../../src/errors.ts';
import { readAnswer } from '../../src/portfolio/answer.ts';
import { costOf } from '../../src/portfolio/prompt.ts';
import { parseAssets } from '../../src/records/asset.ts';
import { isSound, parseBars } from '../../src/records/bar.ts';
import { companyOf, readDetails, readProfile } from '../../src/records/company.ts';
import { listingFinder, parseIndexMembers } from '../../src/records/index-member.ts';
import { contentHash, keptRow, type Parsed, type Reading } from '../../src/records/record.ts';
import { dropRepeatedSplits, parseSplits } from '../../src/records/split.ts';
import { parseTickers } from '../../src/records/ticker.ts';
import { readValuation } from '../../src/records/valuation.ts';
import { alpaca } from '../../src/vendors/alpaca.ts';
import { byFmpSymbol, fmp } from '../../src/vendors/fmp.ts';
import { ishares } from '../../src/vendors/ishares.ts';
import { polygon, polygonIndicators } from '../../src/vendors/polygon.ts';
import { type XaiApi, xai } from '../../src/vendors/xai.ts';
import { question } from '../vendors/model-request.ts';
import { type Door, door, jsonLike, textLike } from './door.ts';

/** A vendor's answer: the text of its body, a status, and a header that says when to come back. */
interface Answer {
  text: string;
  status: number;
  wait: string;
}

interface Fixture {
  request: { call: string; api?: XaiApi };
  body?: unknown;
  bodyText?: string;
}

function fixtures(vendor: string, call: string): Fixture[] {
  const folder = new URL(`../fixtures/${vendor}/`, import.meta.url);
  const all = readdirSync(folder).map((file) => JSON.parse(readFileSync(new URL(file, folder), 'utf8')) as Fixture);
  return all.filter(({ request }) => request.call === call);
}

function answers(vendor: string, call: string): fc.Arbitrary<Answer> {
  const found = fixtures(vendor, call);
  const bodies = found.flatMap(({ body }) => (body === undefined ? [] : [body]));
  const texts = found.flatMap(({ bodyText }) => (bodyText === undefined ? [] : [bodyText]));
  const kinds = [...(bodies.length > 0 ? [jsonLike(bodies)] : []), ...(texts.length > 0 ? [textLike(texts)] : [])];
  return answersOf(fc.oneof(...kinds));
}

function answersOf(text: fc.Arbitrary<string>): fc.Arbitrary<Answer> {
  const usual = fc.constant(200);
  const other = fc.constantFrom(
    201,
    202,
    206,
    301,
    302,
    400,
    401,
    402,
    403,
    404,
    408,
    413,
    429,
    499,
    500,
    502,
    503,
    599,
  );
  return fc.record({
    text,
    status: fc.oneof({ weight: 6, arbitrary: usual }, { weight: 1, arbitrary: other }),
    wait: fc.constantFrom(
      '',
      '1',
      '0.5',
      '-1',
      '1e3',
      '9'.repeat(400),
      'Wed, 21 Oct 9999 07:28:00 GMT',
      'soon',
      '1, 2',
    ),
  });
}

const now = Math.floor(Date.parse('2025-11-20T09:00:00Z') / 1000);

/** What createHttp is given instead of a network. */
function http({ text, status, wait }: Answer) {
  const headers = { 'retry-after': wait, 'x-ratelimit-reset': wait, location: text.slice(0, 9).replace(/[^ -~]/g, '') };
  return {
    fetch: async () => new Response(text, { status, headers }),
    sleep: async () => undefined,
    random: () => 0,
    maxTries: 2,
  };
}

/** A wait that a state machine is told has to be a number of seconds there. */
async function waitable<T>(work: Promise<T>): Promise<T> {
  return work.catch((error: unknown) => {
    if (error instanceof NamedError && error.retryAfterSeconds !== undefined)
      expect(Number.isSafeInteger(error.retryAfterSeconds) && error.retryAfterSeconds >= 0).toBe(true);
    throw error;
  });
}

/** No row is lost, a refused one can be kept, and what is stored can be stored. */
function whole<T extends object>({ records, rejected }: Parsed<T>, rows: readonly unknown[]): void {
  expect(records.length + rejected.length).toBe(rows.length);
  for (const { row, reason } of rejected) {
    expect(JSON.stringify(keptRow(row)).length).toBeLessThan(10_000);
    expect(reason.length).toBeGreaterThan(0);
  }
  for (const record of records) expect(contentHash(record)).toMatch(/^[0-9a-f]{64}$/);
}

/** A page is staged as it came before it is read. */
function staged<T>(rows: T[]): T[] {
  return JSON.parse(JSON.stringify(rows)) as T[];
}

async function pagesOf<P extends { rows: unknown[]; cursor: string | undefined }>(list: AsyncIterable<P>) {
  const rows: unknown[] = [];
  for await (const page of list) rows.push(...staged(page.rows));
  return rows;
}

const market = (answer: Answer) =>
  polygon({
    baseUrl: 'https://polygon.test',
    apiKey: 'secret-key',
    callsPerMinute: 0,
    maxPages: 3,
    http: http(answer),
  });
const of = { date: '2025-11-19', source: 'polygon', ingestedAt: '2025-11-20T09:00:00.000Z' };

door('Polygon, tickers', {
  inputs: answers('polygon', 'tickers'),
  enter: (answer) =>
    waitable(pagesOf(market(answer).tickerPages({ market: 'stocks' }))).then((rows) => whole(parseTickers(rows), rows)),
});

door('Polygon, splits', {
  inputs: answers('polygon', 'splits'),
  enter: async (answer) => {
    const rows = await waitable(pagesOf(market(answer).splitPages({ since: '2020-01-01' })));
    const parsed = parseSplits(rows);
    whole(parsed, rows);
    whole(dropRepeatedSplits(parsed.records), parsed.records);
  },
});

door('Polygon, grouped bars', {
  inputs: answers('polygon', 'grouped'),
  enter: async (answer) => {
    const rows = staged((await waitable(market(answer).grouped(of.date))).rows);
    const parsed = parseBars(rows, of);
    whole(parsed, rows);
    expect(parsed.records.filter((bar) => !isSound(bar))).toEqual([]);
  },
  kept: {
    'a row nested twenty thousand deep': () => {
      const row = `{"T":"A","o":${'['.repeat(20_000)}${']'.repeat(20_000)}}`;
      return { text: `{"resultsCount":1,"results":[${row}]}`, status: 200, wait: '' };
    },
    'a count of a hundred thousand letters': () => {
      return { text: `{"resultsCount":"${'x'.repeat(100_000)}","results":[]}`, status: 200, wait: '' };
    },
    'a wait of more seconds than there are numbers': () => ({ text: '', status: 429, wait: '9'.repeat(400) }),
  },
});

function readable(reading: Reading<unknown>): void {
  if (reading.kind === 'invalid') keptRow(reading.row);
}

door('Polygon, details', {
  inputs: answers('polygon', 'details'),
  enter: async (answer) => {
    const { row } = await waitable(market(answer).details('AAPL'));
    const reading = readDetails('AAPL', row);
    readable(reading);
    if (reading.kind === 'record') contentHash(companyOf('AAPL', { details: reading.record }));
  },
});

door('Polygon, indicators', {
  inputs: answersOf(jsonLike([{ results: { values: [{ timestamp: 1763528400000, value: 55.5 }] } }])),
  enter: async (answer) => {
    const config = { POLYGON_BASE_URL: 'https://polygon.test', POLYGON_API_KEY: 'key', POLYGON_CALLS_PER_MINUTE: 0 };
    const value = await waitable(polygonIndicators({ config, http: http(answer) }).valueOn('rsi', 'AAPL', of.date));
    expect(value === undefined || Number.isFinite(value)).toBe(true);
  },
});

door('Alpaca, assets', {
  inputs: answers('alpaca', 'assets'),
  enter: async (answer) => {
    const client = alpaca({ baseUrl: 'https://alpaca.test', keyId: 'id', secretKey: 'secret', http: http(answer) });
    const rows = await waitable(pagesOf(client.assetPages()));
    whole(parseAssets(rows), rows);
  },
  kept: {
    'a limit that is never over': () => ({ text: '', status: 429, wait: String(now * 1e300) }),
  },
});

const find = listingFinder(['CON', 'MOG.A', 'TRUE', 'BRK.B'].map((symbol) => ({ symbol, active: true })));
door('iShares, holdings', {
  inputs: answers('ishares', 'holdings'),
  enter: async (answer) => {
    const client = ishares({ uri: 'https://ishares.test/iwm.csv', http: http(answer) });
    const { asOf, rows } = await waitable(client.holdings());
    const { records, rejected, excluded } = parseIndexMembers(rows, { index: 'russell2000', asOf }, find);
    whole({ records, rejected: [...rejected, ...excluded] }, rows);
  },
  kept: {
    'a day of a hundred thousand letters': () => ({
      text: `Fund Holdings as of,${'x'.repeat(100_000)}\nTicker,Name,Asset Class,Price,Exchange\nA,B,Equity,1,NYSE\n`,
      status: 200,
      wait: '',
    }),
    'six million lines of one letter': () => ({
      text: `Ticker,Name,Asset Class,Price,Exchange\n${'A\n'.repeat(6_000_000)}`,
      status: 200,
      wait: '',
    }),
  },
});

const fmpClient = (answer: Answer) =>
  fmp({ baseUrl: 'https://fmp.test', apiKey: 'secret-key', callsPerMinute: 0, http: http(answer) });
const ours = byFmpSymbol(['AAPL', 'BRK.B', 'NONE']);
const asked = (row: unknown) => String((row as { symbol?: unknown } | null)?.symbol === 'BRK-B' ? 'BRK-B' : 'AAPL');

for (const [call, title] of [
  ['dcf', 'FMP, valuation of one symbol'],
  ['profile', 'FMP, profile of one symbol'],
] as const) {
  door(title, {
    inputs: answers('fmp', call),
    enter: async (answer) => {
      const { rows } = await waitable(fmpClient(answer)[call]('AAPL'));
      readable(call === 'dcf' ? readValuation('AAPL', 'AAPL', rows) : readProfile('AAPL', rows));
    },
    kept: {
      'a value that is an object without a number': () => {
        return { text: '[{"symbol":"AAPL","date":"d","dcf":{"toString":1,"valueOf":1}}]', status: 200, wait: '' };
      },
    },
  });
}

for (const [call, title] of [
  ['dcf-bulk', 'FMP, all valuations'],
  ['profile-bulk', 'FMP, all profiles'],
] as const) {
  const bulk: Door<Answer> = {
    inputs: answers('fmp', call),
    enter: async (answer) => {
      const client = fmpClient(answer);
      const { rows } = await waitable(call === 'dcf-bulk' ? client.dcfBulk() : client.profileBulk(1));
      for (const row of staged(rows)) {
        const symbol = ours.get(asked(row)) ?? 'AAPL';
        readable(call === 'dcf-bulk' ? readValuation(symbol, asked(row), [row]) : readProfile(asked(row), [row]));
      }
    },
    kept: {
      'four million lines of one letter': () => ({
        text: `symbol,\n${'A,\n'.repeat(4_000_000)}`,
        status: 200,
        wait: '',
      }),
    },
  };
  door(title, bulk);
}

for (const [title, call, api] of [
  ['xAI, chat completions', 'submit', 'chat'],
  ['xAI, responses', 'submit', 'responses'],
  ['xAI, deferred completions', 'fetch', 'chat'],
] as const) {
  const own = fixtures('xai', call).filter(({ request }) => (request.api ?? 'chat') === api);
  const bodies = own.flatMap(({ body }) => (body === undefined ? [] : [body]));
  door(title, {
    inputs: answersOf(jsonLike(bodies)),
    enter: async (answer) => {
      const client = xai({ api, baseUrl: 'https://xai.test/v1', apiKey: 'secret-key', http: http(answer) });
      const { completion } = await waitable(call === 'submit' ? client.submit(question) : client.fetch('id'));
      if (!completion) return;
      const usd = costOf(completion, undefined);
      expect(usd === null || usd === undefined || Number.isFinite(usd)).toBe(true);
      const { positions } = readAnswer(completion, ['AAPL', 'KIMpL']);
      expect(positions.map(({ symbol }) => symbol).sort()).toEqual(['AAPL', 'KIMpL']);
    },
  });
}

const valid = '{"summary":"s","positions":[{"symbol":"AAPL","opportunity_score":50,"rationale":"r","risks":[]}]}';
door("xAI, the model's own text", {
  inputs: fc.oneof(jsonLike([JSON.parse(valid)]), textLike([valid])),
  enter: (content) => readAnswer({ model: 'm', choices: [{ message: { content }, finish_reason: 'stop' }] }, ['AAPL']),
  kept: {
    'a hundred thousand symbols nobody asked for': () => {
      const position = (_: unknown, place: number) =>
        `{"symbol":"S${place}","opportunity_score":1,"rationale":"r","risks":[]}`;
      return `{"summary":"s","positions":[${Array.from({ length: 100_000 }, position).join(',')}]}`;
    },
  },
});
