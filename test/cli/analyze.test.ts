import { afterEach, beforeEach, expect, test } from 'vitest';
import { sessionAt, sessionNumber } from '../../src/calendar/calendar.ts';
import { compareWithVendor } from '../../src/cli/analyze.ts';
import { loadConfig } from '../../src/config.ts';
import { claimLake, keys, type LakeKind } from '../../src/lake/lake.ts';
import { encodeBars } from '../../src/lake/session-files.ts';
import { generateMarket } from '../../src/local/market/generator.ts';
import { type PracticeMarket, startMarket } from '../../src/local/market/start-market.ts';
import type { TickerData } from '../../src/portfolio/indicators.ts';
import { computeTickers } from '../../src/portfolio/update-ticker-data.ts';
import type { Bar } from '../../src/records/bar.ts';
import { MemoryLake } from '../lake/memory-lake.ts';

const SESSION = '2025-11-19';
const HELD = ['AAPL', 'BRK.B', 'F', 'KIMpL'];
const source = generateMarket({ symbols: 20, seed: 1 });
let market: PracticeMarket;
let data: TickerData[];
beforeEach(async () => {
  market = await startMarket({ source, now: () => new Date('2025-11-20T12:00:00Z') });
  data = await computed(300);
});
afterEach(() => market.close());

/** Figures out of a lake that holds what the market served as so many sessions' bars. */
async function computed(sessions: number): Promise<TickerData[]> {
  const lake = new MemoryLake();
  const end = sessionNumber(SESSION);
  const bars = new Map<string, Bar[]>(HELD.map((symbol) => [symbol, []]));
  for (let number = end - sessions + 1; number <= end; number++) {
    const date = sessionAt(number);
    for (const { T: symbol, o: open, h: high, l: low, c: close, v: volume } of await source.bars(date)) {
      const origin = { source: 'practice', ingestedAt: '2025-11-20T09:00:00.000Z' };
      const prices = { open, high, low, close, volume, vwap: null, transactions: null };
      bars.get(symbol)?.push({ symbol, date, ...prices, ...origin });
    }
  }
  for (const [symbol, rows] of bars) await lake.write(keys.symbol(symbol), encodeBars(rows));
  return (await computeTickers(lake, HELD, SESSION, 4)).data;
}

/** The command's work against the market, as a home with data of this kind sees it. */
async function compare(over: { kind?: LakeKind; env?: object; practice?: boolean; embedded?: boolean } = {}) {
  const lake = new MemoryLake();
  await claimLake(lake, over.kind ?? 'practice');
  const env = { POLYGON_BASE_URL: market.url, POLYGON_API_KEY: 'x', POLYGON_CALLS_PER_MINUTE: '0', ...over.env };
  const said: string[] = [];
  const terminal = { json: true, print: (text: string) => void said.push(text) };
  const vendors = { practice: over.practice ?? true, embedded: over.embedded ?? false, environment: env };
  const code = await compareWithVendor(
    { data },
    { vendors, stores: { lake } } as never,
    { config: loadConfig(env), terminal, signal: new AbortController().signal } as never,
  );
  const rows = JSON.parse(said[0]!) as { ticker: string; indicator: string; theirs: number | null; verdict: string }[];
  return { code, rows, verdicts: rows.map(({ verdict }) => verdict) };
}

test('three tickers of a practice home agree with its market in both indicators, splits and all', async () => {
  const { code, rows, verdicts } = await compare({ env: { POLYGON_API_KEY: undefined }, embedded: true });
  expect(code).toBe(0);
  expect(rows.map(({ ticker, indicator }) => `${ticker} ${indicator}`)).toEqual([
    'AAPL rsi',
    'AAPL sma',
    'BRK.B rsi',
    'BRK.B sma',
    'F rsi',
    'F sma',
  ]);
  expect(new Set(verdicts)).toEqual(new Set(['agrees']));
  expect(market.requests.map(({ path }) => path.split('?')[0])).toContain('/v1/indicators/rsi/BRK.B');
});

test('a value that is too far off is named and ends with 1', async () => {
  data = data.map((one) => (one.ticker === 'BRK.B' ? { ...one, rsi: one.rsi! + 1, ma50: one.ma50! * 1.01 } : one));
  const { code, rows } = await compare();
  expect(code).toBe(1);
  expect(rows.filter(({ verdict }) => verdict === 'differs').map(({ ticker }) => ticker)).toEqual(['BRK.B', 'BRK.B']);
});

test('a value the vendor has not is none; nothing to compare with is no agreement', async () => {
  market.misbehave(['empty@indicators:1']);
  const some = await compare();
  expect([some.code, some.verdicts[0], some.rows[0]!.theirs]).toEqual([0, 'none', null]);
  market.misbehave(['empty@indicators']);
  const none = await compare();
  expect([none.code, new Set(none.verdicts)]).toEqual([1, new Set(['none'])]);
});

test('a vendor that refuses is told by its name', async () => {
  market.misbehave(['unauthorized@indicators']);
  await expect(compare()).rejects.toMatchObject({ name: 'Vendor.AuthFailed' });
});

test('made-up data are never compared with a real vendor, nor real data with a practice market', async () => {
  await expect(compare({ practice: false })).rejects.toMatchObject({
    name: 'Usage.Invalid',
    message: expect.stringContaining('practice data'),
  });
  await expect(compare({ kind: 'real' })).rejects.toMatchObject({ name: 'Usage.Invalid' });
  const keyless = { kind: 'real', practice: false, env: { POLYGON_API_KEY: undefined } } as const;
  await expect(compare(keyless)).rejects.toMatchObject({ message: expect.stringContaining('no POLYGON_API_KEY') });
  expect(market.requests).toEqual([]);
});

test('without enough history there is nothing to compare, and the reason is told', async () => {
  data = await computed(60);
  await expect(compare()).rejects.toMatchObject({
    name: 'Usage.Invalid',
    message: expect.stringMatching(/AAPL: \d+ bars, 250 are needed/),
  });
});
