import { expect, it } from 'vitest';
import { generateMarket } from '../../../src/local/market/generator.ts';
import { HOLDINGS_PATH } from '../../../src/local/market/ishares.ts';
import { countReasons, listingFinder, parseIndexMembers } from '../../../src/records/index-member.ts';
import { parseFundHoldings } from '../../../src/vendors/ishares.ts';
import { ask, withMarket } from './ask.ts';

const source = generateMarket({ symbols: 300, seed: 1 });

async function membersOf(text: string) {
  const { asOf, rows } = parseFundHoldings(text);
  const find = listingFinder(
    (await source.tickers('stocks', asOf)).map(({ ticker, active }) => ({ symbol: ticker, active })),
  );
  return { asOf, ...parseIndexMembers(rows, { index: 'russell_2000', asOf }, find) };
}

it('serves a fund of its own common stocks, with every quirk of the real file, to anybody', async () => {
  await withMarket({ source }, async (market) => {
    const { status, text, headers } = await ask(market, HOLDINGS_PATH, {});
    expect([status, headers.get('content-type'), headers.has('x-afterbell-practice')]).toEqual([
      200,
      'text/csv;charset=UTF-8',
      true,
    ]);
    const { asOf, records, rejected, excluded: besides } = await membersOf(text);
    expect(asOf).toBe('2026-11-20');
    expect(rejected).toEqual([]);
    const symbols = records.map(({ symbol }) => symbol);
    expect(symbols.length).toBeGreaterThan(60);
    expect(symbols).toEqual(expect.arrayContaining(['CON', 'BRK.B']));
    expect(symbols.filter((symbol) => ['SPY', 'NAN', 'KIMpL', 'ABC.WS'].includes(symbol))).toEqual([]);
    expect(countReasons(besides)).toMatch(/Money Market 1.*Cash 2.*no ticker 1.*not listed.*no price 1.*Futures 1/);
    expect((await ask(market, HOLDINGS_PATH, {})).text).toBe(text);
  });
});

it('serves the holdings of any session, and none of a day without one', async () => {
  await withMarket({ source }, async (market) => {
    const on = (day: string) => ask(market, `${HOLDINGS_PATH}&asOfDate=${day}`, {});
    const { asOf, records } = await membersOf((await on('20200228')).text);
    expect(asOf).toBe('2020-02-28');
    expect(records.length).toBeGreaterThan(60);
    for (const day of ['20200229', '20261225', '1989', 'x'])
      await expect(async () => parseFundHoldings((await on(day)).text)).rejects.toThrow(/published no holdings/);
  });
});

it('changes a few members a year, at the end of June', async () => {
  const at = async (now: string) => {
    let symbols: string[] = [];
    await withMarket({ source, now: () => new Date(now) }, async (market) => {
      symbols = (await membersOf((await ask(market, HOLDINGS_PATH, {})).text)).records.map(({ symbol }) => symbol);
    });
    return symbols;
  };
  const [spring, june, july] = [
    await at('2026-04-01T12:00:00Z'),
    await at('2026-06-20T12:00:00Z'),
    await at('2026-07-02T12:00:00Z'),
  ];
  expect(june).toEqual(spring);
  const moved = [
    ...july.filter((symbol) => !june.includes(symbol)),
    ...june.filter((symbol) => !july.includes(symbol)),
  ];
  expect(moved.length).toBeGreaterThan(0);
  expect(moved.length).toBeLessThan(june.length / 5);
});

it('misbehaves: half of the rows, spoilt tickers, half of the text, a refusal in HTML', async () => {
  await withMarket({ source }, async (market) => {
    const whole = await membersOf((await ask(market, HOLDINGS_PATH)).text);
    market.misbehave(['half-missing@members']);
    const half = await membersOf((await ask(market, HOLDINGS_PATH)).text);
    expect(Math.abs(half.records.length - whole.records.length / 2)).toBeLessThanOrEqual(1);
    market.misbehave(['wrong-types@members']);
    expect((await membersOf((await ask(market, HOLDINGS_PATH)).text)).rejected).toHaveLength(1);
    market.misbehave(['truncated-json@members']);
    const { text } = await ask(market, HOLDINGS_PATH);
    expect(() => parseFundHoldings(text)).toThrow(expect.objectContaining({ name: 'Vendor.TruncatedBody' }));
    market.misbehave(['unauthorized@ishares']);
    expect(await ask(market, HOLDINGS_PATH)).toMatchObject({ status: 403, text: expect.stringContaining('<html>') });
    market.misbehave(['rate-limit@members', 'looping-cursor']);
    expect((await ask(market, HOLDINGS_PATH)).status).toBe(429);
  });
});
