import { describe, expect, test } from 'vitest';
import { ofTypes, parseTickers, tickerIdentity } from '../../src/records/ticker.ts';

const full = {
  ticker: 'A',
  name: 'Agilent Technologies Inc.',
  market: 'stocks',
  locale: 'us',
  primary_exchange: 'XNYS',
  type: 'CS',
  active: true,
  currency_name: 'usd',
  cik: '0001090872',
  composite_figi: 'BBG000C2V3D6',
  share_class_figi: 'BBG001SCTQY4',
  last_updated_utc: '2022-04-27T00:00:00Z',
};

describe('tickers', () => {
  test('every known field is kept under its own name', () => {
    expect(parseTickers([full])).toEqual({
      records: [
        {
          symbol: 'A',
          market: 'stocks',
          name: 'Agilent Technologies Inc.',
          locale: 'us',
          primaryExchange: 'XNYS',
          type: 'CS',
          active: true,
          currencyName: 'usd',
          cik: '0001090872',
          compositeFigi: 'BBG000C2V3D6',
          shareClassFigi: 'BBG001SCTQY4',
          lastUpdatedUtc: '2022-04-27T00:00:00Z',
        },
      ],
      rejected: [],
      unknownFields: [],
    });
  });

  test('missing, null and empty fields are absent, not undefined', () => {
    const { records } = parseTickers([{ ticker: 'KIMpL', market: 'otc', type: null, cik: '', name: undefined }]);
    expect(records).toStrictEqual([{ symbol: 'KIMpL', market: 'otc' }]);
  });

  test('unknown fields are named once each and are not fatal', () => {
    const rows = [
      { ...full, zeta: 1, alpha: 2 },
      { ...full, ticker: 'B', zeta: 3 },
    ];
    const { records, unknownFields } = parseTickers(rows);
    expect([records.length, unknownFields]).toEqual([2, ['alpha', 'zeta']]);
    expect(records[0]).not.toHaveProperty('zeta');
  });

  test.each([
    [{ active: 'yes' }, 'active: expected boolean, received string'],
    [{ name: 5 }, 'name: expected string, received number'],
    [{ market: undefined }, 'market: expected string, received undefined'],
    [{ ticker: 5 }, 'symbol is not text'],
    [{ ticker: undefined }, 'symbol is missing'],
    [{ ticker: '123' }, 'symbol is all digits'],
  ])('%j is rejected with the reason and the row', (change, reason) => {
    const row = { ...full, ...change };
    const { records, rejected } = parseTickers([row]);
    expect(records).toEqual([]);
    expect(rejected[0]).toEqual({ symbol: typeof row.ticker === 'string' ? row.ticker : '', reason, row });
  });

  test('rows and records and rejected rows add up, duplicates included', () => {
    const rows = [full, full, { ...full, ticker: 'B' }, null, 7, { ...full, ticker: '' }];
    const { records, rejected } = parseTickers(rows);
    expect(records).toHaveLength(2);
    expect(rejected.map(({ reason }) => reason)).toEqual([
      'duplicate row',
      'symbol is missing',
      'symbol is missing',
      'symbol is empty',
    ]);
  });
});

describe('types', () => {
  const rows = [
    { ticker: 'A', market: 'stocks', type: 'CS' },
    { ticker: 'SPY', market: 'stocks', type: 'ETF' },
    { ticker: 'UNTYPED', market: 'otc' },
    { ticker: 'X:BTCUSD', market: 'crypto' },
    { ticker: '7', market: 'stocks', type: 'PFD' },
  ];
  const kept = (types: string[]) => ofTypes(parseTickers(rows), types).records.map(({ symbol }) => symbol);

  test('none named keeps all', () => expect(kept([])).toEqual(['A', 'SPY', 'UNTYPED', 'X:BTCUSD']));
  test('those named are kept; currencies and indices have none and stay', () => {
    expect(kept(['ETF'])).toEqual(['SPY', 'X:BTCUSD']);
    expect(ofTypes(parseTickers(rows), ['ETF']).rejected).toHaveLength(1);
  });
});

test('an identity has what is known of it and nothing else', () => {
  const [whole, bare] = parseTickers([full, { ticker: 'B', market: 'otc' }]).records;
  expect(tickerIdentity(whole!)).toEqual({ symbol: 'A', figi: 'BBG000C2V3D6', shareClassFigi: 'BBG001SCTQY4' });
  expect(tickerIdentity(bare!)).toEqual({ symbol: 'B' });
});
