import { describe, expect, test } from 'vitest';
import { companyOf, readDetails, readProfile, sicSector } from '../../src/records/company.ts';

const overview = {
  ticker: 'AAPL',
  name: 'Apple Inc.',
  market: 'stocks',
  active: true,
  primary_exchange: 'XNAS',
  type: 'CS',
  sic_code: '3571',
  sic_description: 'ELECTRONIC COMPUTERS',
  list_date: '1980-12-12',
  market_cap: 2771126040150,
  description: 'Apple designs phones.',
};
const profile = {
  symbol: 'AAPL',
  companyName: 'Apple',
  sector: 'Technology',
  industry: 'Consumer Electronics',
  marketCap: 39,
  ipoDate: '1980-12-13',
  description: 'By FMP.',
};

function details(more: object = {}) {
  const reading = readDetails('AAPL', { ...overview, ...more });
  if (reading.kind !== 'record') throw new Error(reading.reason);
  return reading.record;
}
function profiled(more: object = {}) {
  const reading = readProfile('AAPL', [{ ...profile, ...more }]);
  if (reading.kind !== 'record') throw new Error(reading.reason);
  return reading.record;
}

test("without a profile the sector is the SIC code's division, and the source says so", () => {
  expect(companyOf('AAPL', { details: details() })).toEqual({
    symbol: 'AAPL',
    name: 'Apple Inc.',
    sector: 'Manufacturing',
    industry: 'ELECTRONIC COMPUTERS',
    sicCode: '3571',
    exchange: 'XNAS',
    type: 'CS',
    listDate: '1980-12-12',
    marketCap: 2771126040150,
    description: 'Apple designs phones.',
    source: 'polygon',
  });
});

test("a profile names name, sector and industry; everything else is Polygon's first", () => {
  expect(companyOf('AAPL', { details: details(), profile: profiled() })).toMatchObject({
    name: 'Apple',
    sector: 'Technology',
    industry: 'Consumer Electronics',
    sicCode: '3571',
    listDate: '1980-12-12',
    marketCap: 2771126040150,
    description: 'Apple designs phones.',
    source: 'fmp',
  });
});

test("what Polygon leaves out is the profile's, and a profile without a sector leaves Polygon's", () => {
  const bare = { market_cap: undefined, description: undefined, list_date: undefined };
  const told = { details: details(bare), profile: profiled({ sector: '', industry: null }) };
  expect(companyOf('AAPL', told)).toMatchObject({
    name: 'Apple Inc.',
    sector: 'Manufacturing',
    industry: 'ELECTRONIC COMPUTERS',
    listDate: '1980-12-13',
    marketCap: 39,
    description: 'By FMP.',
    source: 'polygon',
  });
});

test('a fund has neither SIC code nor market cap, and a profile alone is enough', () => {
  const fund = details({ sic_code: undefined, sic_description: undefined, market_cap: 0 });
  expect(companyOf('AAPL', { details: fund })).toMatchObject({ sector: null, industry: null, marketCap: null });
  expect(companyOf('AAPL', { profile: profiled({ marketCap: '0' }) })).toMatchObject({
    name: 'Apple',
    exchange: null,
    marketCap: null,
    source: 'fmp',
  });
});

describe('an overview', () => {
  test.each([
    ['nothing at all', undefined, 'empty', 'Polygon has no overview'],
    ['text for a figure', { ...overview, market_cap: 'n/a' }, 'invalid', /^market_cap: /],
    ['a number for a code', { ...overview, sic_code: 3571 }, 'invalid', /^sic_code: /],
    ['another symbol', { ...overview, ticker: 'MSFT' }, 'invalid', /^ticker: expected AAPL/],
    ['text', 'AAPL', 'invalid', /./],
  ])('of %s is no record', (_name, row, kind, reason) => {
    expect(readDetails('AAPL', row)).toMatchObject({ kind, reason: expect.stringMatching(reason) });
  });

  test('with a day that does not exist has no list date', () => {
    expect(details({ list_date: '2023-02-29' }).list_date).toBeUndefined();
  });
});

test.each([
  ['0100', 'Agriculture, Forestry and Fishing'],
  ['100', 'Agriculture, Forestry and Fishing'],
  ['1311', 'Mining'],
  ['1531', 'Construction'],
  ['2834', 'Manufacturing'],
  ['4911', 'Transportation, Communications and Utilities'],
  ['5122', 'Wholesale Trade'],
  ['5812', 'Retail Trade'],
  ['6798', 'Finance, Insurance and Real Estate'],
  ['7372', 'Services'],
  ['9721', 'Public Administration'],
  ['1800', undefined],
  ['9995', 'Public Administration'],
  ['73', undefined],
  ['n/a', undefined],
  [undefined, undefined],
])('SIC code %s lies in %s', (code, sector) => {
  expect(sicSector(code)).toBe(sector);
});
