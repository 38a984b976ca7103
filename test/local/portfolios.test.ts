import { expect, test } from 'vitest';
import { readPortfolioList } from '../../src/local/portfolio-service.ts';

const read = (text: string) => readPortfolioList(text, 'mine');

test('JSON lists portfolios, or one alone', () => {
  const one = { portfolio: 'core', positions: [{ symbol: 'AAPL', quantity: -2, averageCost: 1 }] };
  expect(read(JSON.stringify([one]))).toEqual([one]);
  expect(read(`\uFEFF${JSON.stringify(one)}`)).toEqual([one]);
});

test('CSV of any column order, with or without portfolios, as a spreadsheet or a broker writes it', () => {
  const csv =
    '\uFEFFSymbol,Description,Quantity,Average Cost\r\nBRK.B,"Berkshire, B","1,200",310.5\r\nKIMpL,,5,\r\n\r\n';
  expect(read(csv)).toEqual([
    {
      portfolio: 'mine',
      positions: [
        { symbol: 'BRK.B', quantity: 1200, averageCost: 310.5 },
        { symbol: 'KIMpL', quantity: 5 },
      ],
    },
  ]);
  const two = 'portfolio,symbol,quantity,average_cost\nb,T,1,2\na,TRUE,1,\nb,F,-3,\n';
  expect(read(two).map(({ portfolio, positions }) => [portfolio, positions.map(({ symbol }) => symbol)])).toEqual([
    ['b', ['T', 'F']],
    ['a', ['TRUE']],
  ]);
});

test.each([
  ['no file of either kind', 'hello', 'no position'],
  ['nothing', '', 'no position'],
  ['JSON that ends early', '[{"portfolio": "x"', 'JSON'],
  ['an unknown field', '[{"portfolio": "x", "position": []}]', '0'],
  ['no quantity', '[{"portfolio": "x", "positions": [{"symbol": "A"}]}]', '0.positions.0.quantity'],
  ['no quantity in a line', 'symbol,quantity\nAAPL,5\nMSFT,\n', 'line 3: quantity'],
  ['a word for a number', 'symbol,quantity\nAAPL,ten\n', 'line 2: quantity "ten" is no number'],
  ['a file with semicolons', 'symbol;quantity\nAAPL;10\n', 'commas are wanted'],
  ['no symbol column', 'ticker,quantity\nAAPL,5\n', 'line 2: symbol'],
  ['digits for a symbol', 'symbol,quantity\n12345,5\n', 'line 2: symbol: symbol is all digits'],
  ['a line too short', 'portfolio,symbol,quantity\na,AAPL\n', 'line 2'],
  ['a symbol twice', 'symbol,quantity\nAAPL,5\nAAPL,6\n', 'AAPL twice in the portfolio mine'],
  ['a portfolio twice', '[{"portfolio":"x","positions":[]},{"portfolio":"x","positions":[]}]', 'the portfolio x twice'],
  ['a nameless portfolio', 'portfolio,symbol,quantity\n ,AAPL,5\n', 'portfolio is missing'],
])('%s is refused, with the place', (_, text, found) => {
  expect(() => read(text)).toThrow(
    expect.objectContaining({ name: 'Usage.Invalid', message: expect.stringContaining(found) }),
  );
});
