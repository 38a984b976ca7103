import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseFundHoldings } from '../../src/vendors/ishares.ts';

const HEADER = 'Ticker,Name,Asset Class,Price,Exchange';
const CLOSING = '\u00a0\n"The closing text,\nin lines, with ""quotes""."\n';
const line = (ticker: string) => `"${ticker}","A, ""quoted"" name","Equity","1,234.50","NASDAQ"`;
const file = (tickers: readonly string[], preamble: readonly string[] = []) =>
  ['Title', 'Fund Holdings as of,"Nov 19, 2025"', ...preamble, HEADER, ...tickers.map(line), CLOSING].join('\n');

test('a byte order mark, blank lines and a preamble of any length change nothing', () => {
  const preamble = fc.array(fc.constantFrom('\u00a0', '', 'Stock,"-"', 'Shares Outstanding,"1,000.00"', 'a,b,c,d'));
  const plain = parseFundHoldings(file(['CON', 'TRUE']));
  expect(plain.asOf).toBe('2025-11-19');
  expect(plain.rows.map((row) => [row.Ticker, row.Name, row.Price])).toEqual([
    ['CON', 'A, "quoted" name', '1,234.50'],
    ['TRUE', 'A, "quoted" name', '1,234.50'],
  ]);
  fc.assert(
    fc.property(preamble, fc.boolean(), fc.boolean(), (lines, mark, windows) => {
      const text = (mark ? '\ufeff' : '') + file(['CON', 'TRUE'], lines);
      expect(parseFundHoldings(windows ? text.replaceAll('\n', '\r\n') : text)).toEqual(plain);
    }),
  );
});

test('a file cut anywhere but at the end of a row of its table is refused by name', () => {
  const whole = file(['CON', 'TRUE', 'NA']).trimEnd();
  const table = whole.slice(0, whole.indexOf('\u00a0'));
  const rowEnds = new Set<number>();
  for (const { index } of table.matchAll(/"NASDAQ"/g)) for (const end of [8, 9]) rowEnds.add(index + end);
  for (let length = 0; length < table.length; length++) {
    if (rowEnds.has(length)) continue;
    expect(() => parseFundHoldings(table.slice(0, length)), `cut at ${length}`).toThrow(
      expect.objectContaining({ name: expect.stringMatching(/^(Vendor\.TruncatedBody|Data\.Invalid)$/) }),
    );
  }
  for (const length of [table.length + 10, whole.length - 1]) {
    expect(() => parseFundHoldings(whole.slice(0, length))).toThrow(
      expect.objectContaining({ name: 'Vendor.TruncatedBody' }),
    );
  }
});

test('a day is read in both spellings, and no other', () => {
  const dated = (day: string) => file(['CON']).replace('Nov 19, 2025', day);
  for (const day of ['Nov 19, 2025', 'November 19, 2025', '2025-11-19'])
    expect(parseFundHoldings(dated(day)).asOf).toBe('2025-11-19');
  expect(parseFundHoldings(dated('May 5, 2026')).asOf).toBe('2026-05-05');
  for (const day of ['19/11/2025', 'Nov 31, 2025', '-', '']) {
    expect(() => parseFundHoldings(dated(day)), day).toThrow(expect.objectContaining({ name: 'Data.Invalid' }));
  }
});
