import fc from 'fast-check';
import { expect, test } from 'vitest';
import { sessionAt, sessionHours, sessionNumber } from '../../src/calendar/calendar.ts';
import { FileLake } from '../../src/lake/file-lake.ts';
import { keys } from '../../src/lake/lake.ts';
import { encodeBars } from '../../src/lake/session-files.ts';
import { type Closes, readCloses, tickerData } from '../../src/portfolio/indicators.ts';
import type { Bar } from '../../src/records/bar.ts';
import { temporaryFolder } from '../local/programs.ts';

const SESSION = '2025-11-19';
const LAST = sessionNumber(SESSION);
const at = { ticker: 'AAPL', session: SESSION, timestamp: sessionHours(SESSION).close };
const day = (date: string) => Date.parse(date) / 86_400_000;

/** Closes of the last sessions up to SESSION. */
function closesOf(values: readonly number[]): Closes {
  const date = Int32Array.from(values, (_, i) => day(sessionAt(LAST - values.length + 1 + i)));
  return { date, close: Float64Array.from(values) };
}
const wavy = (count: number) => Array.from({ length: count }, (_, i) => 100 + 10 * Math.sin(i / 7) + (i % 3));

test('250 bars have an RSI and 249 the reason why not; 50 have a mean and 49 the reason', () => {
  const of = (count: number) => tickerData(closesOf(wavy(count)), [], at)!;
  expect(of(250)).toMatchObject({ rsi: expect.any(Number), ma50: expect.any(Number), bars: 250, asOf: SESSION });
  expect(of(250)).not.toHaveProperty('rsiReason');
  expect(of(249)).toMatchObject({ rsi: null, rsiReason: '249 bars, 250 are needed', ma50: expect.any(Number) });
  expect(of(50)).toMatchObject({ rsi: null, ma50: expect.any(Number) });
  expect(of(49)).toMatchObject({ rsi: null, ma50: null, ma50Reason: '49 bars, 50 are needed' });
  expect(tickerData(closesOf([]), [], at)).toBeUndefined();
});

test('a price that never moved has no RSI, and says so', () => {
  expect(tickerData(closesOf(new Array(300).fill(5)), [], at)).toMatchObject({
    price: 5,
    rsi: null,
    rsiReason: 'the close never changed',
    ma50: 5,
  });
});

test('the timestamp is the close of the session; asOf is the day of the last bar up to it', () => {
  const closes = closesOf(wavy(300));
  expect(tickerData(closes, [], at)!.timestamp).toBe('2025-11-19T21:00:00Z');
  const session = sessionAt(LAST - 5);
  const earlier = tickerData(closes, [], { ...at, session })!;
  expect(earlier).toMatchObject({ asOf: session, bars: 295, price: Number(closes.close[294]!.toPrecision(10)) });
  const halted = { date: closes.date.slice(0, 290), close: closes.close.slice(0, 290) };
  expect(tickerData(halted, [], at)!.asOf).toBe(sessionAt(LAST - 10));
});

test('a split changes no figure but the basis: bars of before are put on the basis of after', () => {
  const splits = fc
    .constantFrom([1, 2], [1, 4], [7, 1], [2, 3])
    .chain(([from, to]) => fc.integer({ min: 1, max: 299 }).map((place) => ({ from: from!, to: to!, place })));
  fc.assert(
    fc.property(splits, ({ from, to, place }) => {
      const whole = closesOf(wavy(300));
      const raw = { date: whole.date, close: whole.close.map((close, i) => (i < place ? (close * to) / from : close)) };
      const execution_date = sessionAt(LAST - 299 + place);
      const split = { symbol: 'AAPL', execution_date, split_from: from, split_to: to };
      const [adjusted, plain] = [tickerData(raw, [split], at)!, tickerData(whole, [], at)!];
      expect(adjusted.price).toBeCloseTo(plain.price, 6);
      expect(adjusted.ma50).toBeCloseTo(plain.ma50!, 6);
      expect(adjusted.rsi).toBeCloseTo(plain.rsi!, 6);
    }),
  );
});

test('known cumulative adjustments: AAPL of 2020-08-28 at 499.23 is 124.8075 after its 4:1', () => {
  const closes = { date: Int32Array.of(day('2020-08-28')), close: Float64Array.of(499.23) };
  const split = { symbol: 'AAPL', execution_date: '2020-08-31', split_from: 1, split_to: 4 };
  expect(tickerData(closes, [split], { ...at, session: '2020-08-31' })!.price).toBe(124.8075);
});

const bar = (symbol: string, date: string, close: number): Bar => ({
  symbol,
  date,
  open: close,
  high: close,
  low: close,
  close,
  volume: 1,
  vwap: null,
  transactions: null,
  source: 'practice',
  ingestedAt: '2025-11-20T09:00:00.000Z',
});

test('closes come out of the history file; one that is damaged or of another symbol is refused by name', async () => {
  const lake = new FileLake(`file://${temporaryFolder()}`);
  const put = (symbol: string, bars: Bar[]) => lake.write(keys.symbol(symbol), encodeBars(bars));
  expect(await readCloses(lake, 'KIMpL')).toBeUndefined();
  await put('KIMpL', [bar('KIMpL', '2025-11-18', 1.5), bar('KIMpL', SESSION, 2.5)]);
  expect(await readCloses(lake, 'KIMpL')).toEqual({
    date: Int32Array.of(day('2025-11-18'), day(SESSION)),
    close: Float64Array.of(1.5, 2.5),
  });
  await put('F', [bar('T', SESSION, 1)]);
  await put('E', [bar('E', SESSION, 1), bar('E', SESSION, 2)]);
  await lake.write(keys.symbol('ON'), Buffer.from('not parquet'));
  for (const symbol of ['F', 'E', 'ON']) {
    await expect(readCloses(lake, symbol)).rejects.toMatchObject({ name: 'Lake.Corrupt' });
  }
});
