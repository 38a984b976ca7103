import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isSession, nextSession, previousSession, sessionsBetween } from '../../../src/calendar/calendar.ts';
import { generateMarket } from '../../../src/local/market/generator.ts';
import { ODD_SYMBOLS } from '../../../src/local/market/listings.ts';

const AS_OF = '2026-11-20';
const market = generateMarket({ symbols: 500, seed: 1 });
const sessions = sessionsBetween('1990-01-02', AS_OF);
const anySession = fc.constantFrom(...sessions);

async function barsBySymbol(date: string, of = market) {
  return new Map((await of.bars(date)).map((bar) => [bar.T, bar]));
}

describe('generated market', () => {
  it('is a function of seed, symbols and date, whatever was asked before', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 60 }),
        fc.integer(),
        fc.array(anySession, { minLength: 1, maxLength: 4 }),
        async (symbols, seed, dates) => {
          const first = generateMarket({ symbols, seed });
          const second = generateMarket({ symbols, seed });
          const forwards = new Map<string, unknown>();
          for (const date of dates) forwards.set(date, [await first.bars(date), await first.tickers(undefined, date)]);
          for (const date of dates.toReversed())
            expect([await second.bars(date), await second.tickers(undefined, date)]).toEqual(forwards.get(date));
          expect(await second.splits()).toEqual(await first.splits());
          expect(await second.assets(AS_OF)).toEqual(await first.assets(AS_OF));
        },
      ),
      { numRuns: 25 },
    );
  });

  it('gives another seed other prices', async () => {
    const [one, two] = [
      await barsBySymbol(AS_OF),
      await barsBySymbol(AS_OF, generateMarket({ symbols: 500, seed: 2 })),
    ];
    expect(one.get('AAPL')).not.toEqual(two.get('AAPL'));
  });

  it('serves valid bars in four decimals for every session', async () => {
    await fc.assert(
      fc.asyncProperty(anySession, async (date) => {
        const bars = await market.bars(date);
        for (const { T, o, h, l, c, v, vw, n } of bars) {
          expect(l > 0 && l <= Math.min(o, c) && Math.max(o, c) <= h && v > 0, T).toBe(true);
          for (const price of [o, h, l, c, vw ?? l]) expect(Number(price.toFixed(4)), T).toBe(price);
          if (vw !== undefined) expect(vw >= l && vw <= h, T).toBe(true);
          if (n !== undefined) expect(Number.isInteger(n) && n > 0, T).toBe(true);
        }
        expect(new Set(bars.map((bar) => bar.T)).size).toBe(bars.length);
      }),
      { numRuns: 40 },
    );
  });

  it('has a few fractional volumes and a few bars without vw and n', async () => {
    const bars = (await Promise.all(sessions.slice(-10).map((date) => market.bars(date)))).flat();
    const fractional = bars.filter(({ v }) => !Number.isInteger(v)).length / bars.length;
    const bare = bars.filter((bar) => !('vw' in bar) && !('n' in bar)).length / bars.length;
    expect(fractional).toBeGreaterThan(0.002);
    expect(fractional).toBeLessThan(0.03);
    expect(bare).toBeGreaterThan(0.005);
    expect(bare).toBeLessThan(0.05);
  });

  it('has about the active symbols asked for, an eighth of them OTC, and types and identifiers now and then absent', async () => {
    for (const symbols of [500, 5400]) {
      const rows = await generateMarket({ symbols, seed: 1 }).tickers(undefined, AS_OF);
      const active = rows.filter((row) => row.active);
      expect(Math.abs(active.length / symbols - 1)).toBeLessThan(0.03);
      const otc = active.filter((row) => row.market === 'otc').length / active.length;
      expect(Math.abs(otc - 0.12)).toBeLessThan(0.04);
      for (const field of ['type', 'cik', 'composite_figi', 'share_class_figi'] as const) {
        expect(active.some((row) => row[field] === undefined)).toBe(true);
        expect(active.some((row) => row[field] !== undefined)).toBe(true);
      }
      const types = new Set(active.map((row) => row.type));
      for (const type of ['CS', 'ETF', 'ADRC', 'PFD', 'WARRANT', 'FUND']) expect(types).toContain(type);
      const figis = rows.flatMap((row) => row.composite_figi ?? []);
      expect(new Set(figis).size).toBe(figis.length);
    }
  });

  it('always lists the odd symbols, also in a market of one', async () => {
    const odd = 'TRUE NAN ON E T F ALL CON NA INF BRK.A BRK.B KIMpL BAC-I ABC.WS BACpL AAPL MSFT SPY'.split(' ');
    for (const source of [market, generateMarket({ symbols: 1, seed: 9 })])
      for (const date of ['1990-01-02', '2008-10-10', AS_OF]) {
        const listed = (await source.tickers('stocks', date)).filter((row) => row.active).map((row) => row.ticker);
        expect(listed).toEqual(expect.arrayContaining(odd));
        const traded = await Promise.all(
          sessionsBetween('2026-11-09', AS_OF).map(async (day) => (await source.bars(day)).map((bar) => bar.T)),
        );
        expect(traded.flat()).toEqual(expect.arrayContaining(odd));
      }
    expect(ODD_SYMBOLS.map((symbol) => symbol.ticker)).toEqual(expect.arrayContaining(odd));
  });

  it('shows a split as a jump of the unadjusted price and volume at its execution session', async () => {
    const splits = (await market.splits()).filter((split) => split.execution_date <= AS_OF);
    expect(splits.length).toBeGreaterThanOrEqual(10);
    expect(splits.some((split) => split.split_from > split.split_to)).toBe(true);
    expect(splits.some((split) => split.split_from < split.split_to)).toBe(true);
    let seen = 0;
    for (const { ticker, execution_date, split_from, split_to } of splits) {
      const before = (await barsBySymbol(previousSession(execution_date))).get(ticker);
      const after = (await barsBySymbol(execution_date)).get(ticker);
      if (before === undefined || after === undefined) continue;
      seen += 1;
      expect(Math.abs(Math.log(after.o / before.c / (split_from / split_to)))).toBeLessThan(0.05);
      expect(Math.abs(Math.log(after.v / before.v / (split_to / split_from)))).toBeLessThan(4.1);
    }
    expect(seen).toBeGreaterThanOrEqual(8);
  });

  it('never moves a price by more than 20 % between sessions without a split', async () => {
    const splits = new Set((await market.splits()).map((split) => `${split.ticker} ${split.execution_date}`));
    const days = sessionsBetween('2020-01-02', '2020-03-31');
    let previous = await barsBySymbol(days[0]!);
    for (const day of days.slice(1)) {
      const today = await barsBySymbol(day);
      for (const [symbol, bar] of today) {
        const last = previous.get(symbol);
        if (last === undefined || splits.has(`${symbol} ${day}`) || last.c < 0.01) continue;
        expect(Math.abs(bar.c / last.c - 1), `${symbol} ${day}`).toBeLessThan(0.2);
      }
      previous = today;
    }
  });

  it('has late listings, delistings that stay in the inactive list, and one-day halts', async () => {
    const early = await market.tickers(undefined, '1990-01-02');
    const now = await market.tickers(undefined, AS_OF);
    const late = now.length - early.length;
    expect(late / now.length).toBeGreaterThan(0.02);
    expect(late / now.length).toBeLessThan(0.1);
    const gone = now.filter((row) => !row.active);
    expect(gone.length / now.length).toBeGreaterThan(0.015);
    expect(gone.length / now.length).toBeLessThan(0.06);
    const traded = await barsBySymbol(AS_OF);
    for (const row of gone) {
      expect(traded.has(row.ticker)).toBe(false);
      const died = row.delisted_utc!.slice(0, 10);
      expect(isSession(died)).toBe(true);
      // The last day on which it was traded, or halted.
      expect((await barsBySymbol(nextSession(died))).has(row.ticker)).toBe(false);
      const before = (await market.tickers(undefined, died)).find(({ ticker }) => ticker === row.ticker);
      expect(before).toMatchObject({ active: true });
      expect(before).not.toHaveProperty('delisted_utc');
    }
    const active = now.filter((row) => row.active).length;
    const halts = active - traded.size;
    expect(halts).toBeGreaterThanOrEqual(0);
    expect(halts).toBeLessThan(active * 0.02);
  });

  it('gives bars to exactly the listings active that day, but for halts', async () => {
    await fc.assert(
      fc.asyncProperty(anySession, async (date) => {
        const active = new Set(
          (await market.tickers(undefined, date)).flatMap((row) => (row.active ? row.ticker : [])),
        );
        const traded = (await market.bars(date)).map((bar) => bar.T);
        for (const symbol of traded) expect(active.has(symbol), symbol).toBe(true);
        expect(active.size - traded.length).toBeLessThan(12);
      }),
      { numRuns: 20 },
    );
  });

  it('renames some listings, which keep their FIGI and change the symbol of rows and bars on one day', async () => {
    const before = await market.tickers(undefined, '2012-12-31');
    const now = new Map((await market.tickers(undefined, AS_OF)).map((row) => [row.composite_figi ?? '', row]));
    const renamed = before.filter(
      ({ ticker, composite_figi: figi }) => figi !== undefined && now.has(figi) && now.get(figi)!.ticker !== ticker,
    );
    expect(renamed.length).toBeGreaterThan(1);
    for (const { ticker, composite_figi: figi } of renamed) {
      const { ticker: after } = now.get(figi!)!;
      expect(after).toBe(ticker.slice(1));
      const names = async (date: string) =>
        (await market.tickers(undefined, date)).filter((row) => row.composite_figi === figi).map((row) => row.ticker);
      const days = sessionsBetween('2013-01-02', AS_OF);
      let [low, high] = [0, days.length - 1];
      while (low < high) {
        const middle = Math.floor((low + high) / 2);
        if ((await names(days[middle]!))[0] === after) high = middle;
        else low = middle + 1;
      }
      const traded = [await barsBySymbol(days[low - 1]!), await barsBySymbol(days[low]!)] as const;
      // Each day has it once; a halt may hide it for one.
      expect([traded[0].has(after), traded[1].has(ticker)]).toEqual([false, false]);
      expect(traded[0].has(ticker) || traded[1].has(after)).toBe(true);
    }
  });

  it('has no bars on a day without trading or before 1990', async () => {
    for (const date of ['2026-11-21', '2026-07-03', '1989-12-29']) expect(await market.bars(date)).toEqual([]);
  });

  it('refuses a size or seed out of range by name', () => {
    for (const symbols of [0, 1.5, 20_001, Number.NaN])
      expect(() => generateMarket({ symbols, seed: 1 })).toThrow(expect.objectContaining({ name: 'Usage.Invalid' }));
    expect(() => generateMarket({ symbols: 5, seed: 0.5 })).toThrow(expect.objectContaining({ name: 'Usage.Invalid' }));
  });

  it('corrects some dividends and takes some back before their day', async () => {
    const small = generateMarket({ symbols: 150, seed: 1 });
    const quarter = sessionsBetween('2025-01-02', '2025-03-31');
    let [corrected, withdrawn] = [0, 0];
    for (const [place, date] of quarter.entries()) {
      if (place === 0) continue;
      const now = new Map((await small.dividends(date)).map((row) => [row.id, row]));
      for (const before of await small.dividends(quarter[place - 1]!)) {
        const after = now.get(before.id);
        if (after === undefined) {
          withdrawn += 1;
          expect(before.ex_dividend_date > date).toBe(true);
        } else if (after.cash_amount !== before.cash_amount) corrected += 1;
      }
    }
    expect([corrected > 0, withdrawn > 0]).toEqual([true, true]);
  });
});
