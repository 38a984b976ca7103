import fc from 'fast-check';
import { expect, test } from 'vitest';
import { countReasons, listingFinder, parseIndexMembers } from '../../src/records/index-member.ts';

const about = { index: 'russell_2000', asOf: '2025-11-19' };
const find = listingFinder(['CON', 'MOG.A', 'TRUE'].map((symbol) => ({ symbol, active: true })));
const row = (Ticker: string, more: Record<string, string> = {}) => ({
  Ticker,
  Name: 'NAME',
  'Asset Class': 'Equity',
  'Weight (%)': '0.05',
  Price: '1,234.50',
  Exchange: 'NASDAQ',
  ...more,
});

test('a member has its symbol as the reference list writes it, its day and its weight', () => {
  expect(parseIndexMembers([row('MOGA'), row('CON', { 'Weight (%)': '-' })], about, find).records).toEqual([
    { symbol: 'MOG.A', index: 'russell_2000', holdingsOf: '2025-11-19', weight: 0.05 },
    { symbol: 'CON', index: 'russell_2000', holdingsOf: '2025-11-19' },
  ]);
});

test('what the file itself calls no listed share is left out and counted', () => {
  const {
    records,
    rejected,
    excluded: besides,
  } = parseIndexMembers(
    [
      row('USD', { 'Asset Class': 'Cash' }),
      row('CAD', { 'Asset Class': 'Cash' }),
      row('RTYM6', { 'Asset Class': 'Futures' }),
      row('-'),
      row('P5N994', { Exchange: 'NO MARKET (E.G. UNLISTED)' }),
      row('TSEOF', { Exchange: 'Non-Nms Quotation Service (Nnqs)' }),
      row('GTXI', { Price: '0.00' }),
      row('CON'),
    ],
    about,
    find,
  );
  expect([records.length, rejected.length]).toEqual([1, 0]);
  expect(countReasons(besides)).toBe(
    'asset class Cash 2, asset class Futures 1, no ticker 1, not listed on an exchange 2, no price 1',
  );
});

test('every row is in one of the three lists, and no symbol twice', () => {
  const ticker = fc.constantFrom('CON', 'MOGA', 'MOG A', 'TRUE', 'NOPE', '-', '', '123', 'X'.repeat(99));
  const cells = { 'Asset Class': fc.constantFrom('Equity', 'Cash', ''), Price: fc.constantFrom('1.00', '0.00', '-') };
  const rows = fc.array(fc.record({ Ticker: ticker, ...cells }).map(({ Ticker, ...more }) => row(Ticker, more)));
  fc.assert(
    fc.property(rows, (given) => {
      const { records, rejected, excluded: besides } = parseIndexMembers(given, about, find);
      expect(records.length + rejected.length + besides.length).toBe(given.length);
      expect(new Set(records.map(({ symbol }) => symbol)).size).toBe(records.length);
    }),
  );
});
