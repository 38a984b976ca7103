import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { previousSession, sessionHours } from '../../../src/calendar/calendar.ts';
import { generateMarket } from '../../../src/local/market/generator.ts';
import { type PracticeMarket, startMarket } from '../../../src/local/market/start-market.ts';
import { ask, grouped, NOW } from './ask.ts';

const source = generateMarket({ symbols: 500, seed: 1 });
let market: PracticeMarket;
beforeAll(async () => {
  market = await startMarket({ source, now: () => NOW });
});
afterAll(() => market.close());

/** Every page from a first path on, following path and query of next_url only, as clients must. */
async function pagesFrom(path: string) {
  const pages = [];
  for (let next: string | undefined = path; next !== undefined; ) {
    const { status, json } = await ask(market, next);
    expect(status).toBe(200);
    pages.push(json);
    const url = json.next_url as string | undefined;
    if (url !== undefined) expect(new URL(url).origin).toBe('https://api.massive.com');
    next = url === undefined ? undefined : new URL(url).pathname + new URL(url).search;
  }
  return pages;
}

describe('/v3/reference/tickers', () => {
  it('pages over every active stock once, in code-unit order', async () => {
    for (const limit of [7, 100, 1000]) {
      const pages = await pagesFrom(`/v3/reference/tickers?market=stocks&active=true&sort=ticker&limit=${limit}`);
      const tickers = pages.flatMap((page) => page.results!.map((row) => row.ticker as string));
      const all = (await source.tickers('stocks', '2026-11-20')).flatMap((row) => (row.active ? row.ticker : []));
      expect(tickers).toEqual(all);
      expect(tickers).toEqual(tickers.toSorted());
      expect(pages).toHaveLength(Math.ceil(all.length / limit));
      for (const page of pages) expect(page).toMatchObject({ status: 'OK', count: page.results!.length });
    }
  });

  it('gives 100 rows when no limit is named and refuses more than 1000', async () => {
    expect((await ask(market, '/v3/reference/tickers')).json.results).toHaveLength(100);
    for (const limit of ['1001', '0', 'many'])
      expect(await ask(market, `/v3/reference/tickers?limit=${limit}`)).toMatchObject({
        status: 400,
        json: { status: 'ERROR', error: expect.stringContaining('limit') },
      });
  });

  it('filters by market, activity, type and ticker', async () => {
    const results = async (query: string) =>
      (await ask(market, `/v3/reference/tickers?limit=1000&${query}`)).json.results!;
    expect((await results('market=otc')).every((row) => row.market === 'otc')).toBe(true);
    expect((await results('market=crypto')).map(({ ticker }) => ticker)).toEqual(['X:BTCUSD', 'X:DOGEUSD', 'X:ETHUSD']);
    const gone = await results('active=false');
    expect(gone.length).toBeGreaterThan(0);
    for (const row of gone)
      expect(row).toMatchObject({ active: false, delisted_utc: expect.stringMatching(/^\d{4}-.*Z$/) });
    expect((await results('type=PFD')).every((row) => row.type === 'PFD')).toBe(true);
    expect(await results('ticker=KIMpL')).toMatchObject([{ ticker: 'KIMpL', locale: 'us', currency_name: 'usd' }]);
    expect(await results('ticker=KIMPL')).toEqual([]);
    expect((await results('date=1990-01-02')).length).toBeLessThan(
      (await results('date=2026-11-20')).length + gone.length,
    );
  });

  it('refuses the list of a day before its plan, as it refuses bars of it', async () => {
    expect(await ask(market, '/v3/reference/tickers?date=1989-12-29')).toMatchObject({
      status: 403,
      json: { status: 'NOT_AUTHORIZED', message: expect.stringContaining("doesn't include this data timeframe") },
    });
  });

  it('refuses a cursor that is not one of its own', async () => {
    expect(await ask(market, '/v3/reference/tickers?cursor=bm9uc2Vuc2U')).toMatchObject({ status: 400 });
  });
});

describe('/v2/aggs/grouped', () => {
  it('has the vendor shape, with t at the close of the session in ms', async () => {
    for (const date of ['2026-11-20', '2025-11-28', '2024-03-08', '2024-03-11', '1990-01-02']) {
      const { json, status } = await ask(market, grouped(date));
      expect(status).toBe(200);
      const rows = json.results!;
      expect(json).toMatchObject({ status: 'OK', adjusted: false, queryCount: rows.length, resultsCount: rows.length });
      for (const row of rows) expect(row.t).toBe(Date.parse(sessionHours(date).close));
      expect(rows.some((row) => 'otc' in row)).toBe(false);
    }
  });

  it('adds flagged OTC rows on request', async () => {
    const { results } = (await ask(market, grouped('2026-11-20', 'adjusted=false&include_otc=true'))).json;
    const otc = results!.filter((row) => row.otc === true).length;
    expect(otc).toBeGreaterThan(30);
    expect(results).toHaveLength((await ask(market, grouped('2026-11-20'))).json.results!.length + otc);
  });

  it('answers weekends and holidays with 200 and no results key', async () => {
    for (const date of ['2026-11-21', '2026-07-03', '2018-12-05']) {
      const { status, json } = await ask(market, grouped(date));
      expect(status).toBe(200);
      expect(json).toMatchObject({ queryCount: 0, resultsCount: 0, status: 'OK' });
      expect(json).not.toHaveProperty('results');
    }
  });

  it('refuses what is not closed yet, what is older than the plan and what is no date, each in its own words', async () => {
    const early = {
      status: 403,
      json: { status: 'NOT_AUTHORIZED', message: expect.stringContaining('before end of day') },
    };
    for (const date of ['2026-11-23', '2026-11-28', '2060-01-04'])
      expect(await ask(market, grouped(date))).toMatchObject(early);
    expect(await ask(market, grouped('1989-12-29'))).toMatchObject({
      status: 403,
      json: { status: 'NOT_AUTHORIZED', message: expect.stringContaining("doesn't include this data timeframe") },
    });
    expect(await ask(market, grouped('2026-02-30'))).toMatchObject({
      status: 400,
      json: { status: 'ERROR', error: expect.stringContaining('Could not parse the time parameter') },
    });
  });

  it('opens a session at its close and not a second before', async () => {
    let now = new Date('2026-11-20T20:59:59Z');
    const clocked = await startMarket({ source, now: () => now });
    expect((await ask(clocked, grouped('2026-11-20'))).status).toBe(403);
    now = new Date('2026-11-20T21:00:00Z');
    expect((await ask(clocked, grouped('2026-11-20'))).json.results!.length).toBeGreaterThan(400);
    await clocked.close();
  });

  it('gives the very same bytes again', async () => {
    const first = await ask(market, grouped('2026-11-20'));
    expect((await ask(market, grouped('2026-11-20'))).text).toBe(first.text);
  });

  it('adjusts for splits executed since when asked to', async () => {
    const split = (await source.splits()).find(({ execution_date }) => execution_date < '2026-11-20')!;
    const date = '2014-12-31';
    const close = async (adjusted: boolean) => {
      const { results } = (await ask(market, grouped(date, `adjusted=${adjusted}&include_otc=true`))).json;
      return results!.find((row) => row.T === split.ticker)!.c as number;
    };
    const factor = (await source.splits())
      .filter(({ ticker, execution_date }) => ticker === split.ticker && execution_date <= '2026-11-22')
      .reduce((product, { split_from, split_to }) => product * (split_from / split_to), 1);
    expect(await close(true)).toBeCloseTo((await close(false)) * factor, 3);
  });
});

describe('dividends', () => {
  const since = '/stocks/v1/dividends?ex_dividend_date.gte=2025-06-01&limit=5000&sort=ex_dividend_date.asc';

  it('serves both routes in either order, each row once, those declared for a day to come too', async () => {
    const all = (await source.dividends('2026-11-20')).map((row) => row.id).toSorted();
    for (const path of ['/v3/reference/dividends?limit=1000', '/stocks/v1/dividends?limit=4000']) {
      const rows = (await pagesFrom(path)).flatMap((page) => page.results!);
      expect(rows.map((row) => row.id as string).toSorted()).toEqual(all);
      const dates = rows.map((row) => row.ex_dividend_date as string);
      expect(dates).toEqual(dates.toSorted().toReversed());
      expect(dates[0]! > '2026-11-20').toBe(true);
    }
    const { results } = (await ask(market, '/v3/reference/dividends?ticker=AAPL')).json;
    expect(results![0]).toMatchObject({ ticker: 'AAPL', dividend_type: expect.stringMatching(/^(CD|SC)$/) });
    expect(results![0]).not.toHaveProperty('historical_adjustment_factor');
  });

  it('has specials, returns of capital, two on one day and another currency', async () => {
    const rows = (await ask(market, since)).json.results!;
    const kinds = new Set(rows.map((row) => row.distribution_type));
    expect([...kinds].toSorted()).toEqual(['irregular', 'recurring', 'special']);
    const days = rows.map((row) => `${row.ticker} ${row.ex_dividend_date}`);
    expect(new Set(days).size).toBeLessThan(days.length);
    expect(new Set(rows.map((row) => row.currency))).toEqual(new Set(['USD', 'EUR']));
  });

  it('gives factors that are the product of 1 - cash / close before over the days in force', async () => {
    const rows = (await ask(market, `${since}&ticker=SPY`)).json.results!;
    const days = [...new Set(rows.map((row) => row.ex_dividend_date as string))].filter((day) => day <= '2026-11-20');
    let factor = 1;
    let compared = 0;
    for (const day of days.toReversed()) {
      const { results } = (await ask(market, grouped(previousSession(day), 'adjusted=false'))).json;
      const close = results!.find(({ T }) => T === 'SPY')?.c as number | undefined;
      // Halted on the day before: the one before that counts.
      if (close === undefined) break;
      const own = rows.filter((row) => row.ex_dividend_date === day);
      factor *= 1 - own.reduce((sum, row) => sum + (row.cash_amount as number), 0) / close;
      for (const row of own) expect(row.historical_adjustment_factor).toBeCloseTo(factor, 6);
      compared += 1;
    }
    expect(compared).toBeGreaterThan(1);
  });
});

describe('splits', () => {
  it('serves both routes newest first and pages over every split once', async () => {
    const all = (await source.splits()).map((split) => split.id).toSorted();
    for (const path of ['/v3/reference/splits?limit=3', '/stocks/v1/splits?limit=4']) {
      const rows = (await pagesFrom(path)).flatMap((page) => page.results!);
      expect(rows.map((row) => row.id as string).toSorted()).toEqual(all);
      const dates = rows.map((row) => row.execution_date as string);
      expect(dates).toEqual(dates.toSorted().toReversed());
    }
  });

  it('filters by ticker and execution date, and the newer route tells type and factor', async () => {
    const [split] = await source.splits();
    const { results } = (await ask(market, `/stocks/v1/splits?ticker=${split!.ticker}&sort=execution_date.asc`)).json;
    expect(results![0]).toMatchObject({
      ticker: split!.ticker,
      adjustment_type: split!.split_from > split!.split_to ? 'reverse_split' : 'forward_split',
      historical_adjustment_factor: expect.any(Number),
    });
    const since = (await ask(market, '/v3/reference/splits?execution_date.gte=2022-01-01&limit=1000')).json.results!;
    expect(since.length).toBe((await source.splits()).filter((row) => row.execution_date >= '2022-01-01').length);
  });
});
