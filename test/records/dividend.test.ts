import { expect, test } from 'vitest';
import { dividendKey, pairCorrections, parseDividends } from '../../src/records/dividend.ts';

const row = {
  id: 'E1',
  ticker: 'AAPL',
  cash_amount: 0.26,
  currency: 'USD',
  declaration_date: '2025-07-31',
  ex_dividend_date: '2025-08-11',
  record_date: '2025-08-11',
  pay_date: '2025-08-14',
  frequency: 4,
  distribution_type: 'recurring',
  historical_adjustment_factor: 0.997899,
  split_adjusted_cash_amount: 0.26,
};
const parsed = parseDividends([row]).records[0]!;

test('a dividend has its amount, currency, four dates, type, frequency and the vendor factor', () => {
  expect(parseDividends([row])).toEqual({
    records: [
      {
        symbol: 'AAPL',
        exDate: '2025-08-11',
        cashAmount: 0.26,
        currency: 'USD',
        distributionType: 'recurring',
        recordDate: '2025-08-11',
        payDate: '2025-08-14',
        declarationDate: '2025-07-31',
        frequency: 4,
        historicalAdjustmentFactor: 0.997899,
      },
    ],
    rejected: [],
    unknownFields: [],
  });
});

test('a row of the older endpoint is the same dividend, in the words of the newer one', () => {
  const { distribution_type: _, historical_adjustment_factor: __, split_adjusted_cash_amount: ___, ...old } = row;
  const [before] = parseDividends([{ ...old, dividend_type: 'CD' }]).records;
  expect(dividendKey(before!)).toBe(dividendKey(parsed));
  const types = ['SC', 'LT', 'ST', 'XX', undefined].map(
    (dividend_type) => parseDividends([{ ...old, dividend_type }]).records[0]?.distributionType,
  );
  expect(types).toEqual(['special', 'long_term_capital_gain', 'short_term_capital_gain', 'XX', 'unknown']);
});

test('what is missing stays missing, and dollars are taken for granted', () => {
  const bare = { ticker: 'T', cash_amount: 0.1, ex_dividend_date: '2020-02-29', pay_date: '', frequency: null };
  expect(parseDividends([bare]).records).toEqual([
    { symbol: 'T', exDate: '2020-02-29', cashAmount: 0.1, currency: 'USD', distributionType: 'unknown' },
  ]);
});

test.each([
  [{ ex_dividend_date: '2025-02-30' }, /date YYYY-MM-DD/],
  [{ ex_dividend_date: undefined }, /ex_dividend_date/],
  [{ pay_date: 'soon' }, /date YYYY-MM-DD/],
  [{ cash_amount: 0 }, /cash_amount/],
  [{ cash_amount: -1 }, /cash_amount/],
  [{ cash_amount: '0.26' }, /cash_amount/],
  [{ ticker: '' }, /symbol/],
])('a row with %j is rejected with the reason', (wrong, reason) => {
  const { records, rejected } = parseDividends([{ ...row, ...wrong }]);
  expect(records).toEqual([]);
  expect(rejected[0]!.reason).toMatch(reason);
});

test('a regular and a special one of a day both count; the same one under another id does not', () => {
  const special = { ...row, id: 'E2', distribution_type: 'special', frequency: 0 };
  const { records, rejected } = parseDividends([row, special, { ...row, id: 'E3' }]);
  expect(records.map(({ distributionType }) => distributionType)).toEqual(['recurring', 'special']);
  expect(rejected).toMatchObject([{ symbol: 'AAPL', reason: 'duplicate row' }]);
});

test('another amount in the place of one that went is a correction, anything else that went was withdrawn', () => {
  const [corrected, special] = [
    { ...parsed, cashAmount: 0.27 },
    { ...parsed, distributionType: 'special' },
  ];
  expect(pairCorrections([corrected], [parsed, special])).toEqual({
    corrected: [{ before: parsed, after: corrected }],
    withdrawn: [special],
  });
  expect(pairCorrections([{ ...corrected, exDate: '2025-08-12' }], [parsed]).withdrawn).toEqual([parsed]);
});
