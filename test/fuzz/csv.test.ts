import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { expect } from 'vitest';
import { readPortfolioList } from '../../src/local/portfolio-service.ts';
import { isSound, parseBars } from '../../src/records/bar.ts';
import { keptRow } from '../../src/records/record.ts';
import { readDayFile } from '../../src/vendors/flat-files.ts';
import { bytesLike, door, jsonLike, textLike } from './door.ts';

const HEAD = 'ticker,volume,open,close,high,low,window_start,transactions';
const day = (rows: number) =>
  `${[HEAD, ...Array.from({ length: rows }, (_, row) => `S${row},${row * 100},10.5,11,11.5,10,1763528400000000000,${row}`)].join('\n')}\n`;
const DAYS = [
  day(1),
  day(40),
  `\ufeff${HEAD}\r\n"A",1,1,1,1,1,1,1\r\n`,
  'low,high,close,open,volume,ticker\n1,2,1,1,0,TRUE\n',
];
const of = { date: '2025-11-19', source: 'flat-files', ingestedAt: '2025-11-20T09:00:00.000Z' };

async function readDay(bytes: Uint8Array): Promise<void> {
  const rows = await readDayFile(bytes, '2025-11-19.csv.gz');
  const { records, rejected } = parseBars(rows, of);
  expect(records.length + rejected.length).toBe(rows.length);
  expect(records.filter((bar) => !isSound(bar))).toEqual([]);
  for (const { row } of rejected) keptRow(row);
}

door('flat files, packed', {
  inputs: bytesLike(DAYS.map((text) => gzipSync(text))),
  enter: readDay,
  kept: {
    'three million lines of one letter': () => gzipSync(`${HEAD}\n${'A\n'.repeat(3_000_000)}`, { level: 1 }),
  },
});

door('flat files, unpacked', {
  inputs: textLike(DAYS),
  enter: (text) => readDay(gzipSync(text, { level: 0 })),
});

const LIST = [
  {
    portfolio: 'p',
    name: 'P',
    positions: [
      { symbol: 'AAPL', quantity: 40, averageCost: 120 },
      { symbol: 'F', quantity: -1 },
    ],
  },
  { portfolio: 'q', active: false, positions: [] },
];

door('portfolios to import, JSON', {
  inputs: fc.oneof(jsonLike([LIST, LIST[0]])),
  enter: (text) => {
    const read = readPortfolioList(text, 'usual');
    expect(readPortfolioList(JSON.stringify(read), 'usual')).toEqual(read);
  },
});

door('portfolios to import, CSV', {
  inputs: textLike([
    'symbol,quantity\nAAPL,40\n',
    'Portfolio,Symbol,Quantity,Average Cost\np,AAPL,"1,000.5",120\nq,BRK.B,-3,\n',
    '\ufeffsymbol;quantity\nA;1\n',
  ]),
  enter: (text) => {
    const read = readPortfolioList(text, 'usual');
    if (!/^\s*[[{]/.test(text.replace(/^\ufeff/, ''))) expect(read.length).toBeGreaterThan(0);
    for (const { positions } of read)
      for (const { quantity, averageCost = 0 } of positions)
        expect([quantity, averageCost].every(Number.isFinite)).toBe(true);
  },
  kept: {
    'thirty thousand positions': () =>
      `symbol,quantity\n${Array.from({ length: 30_000 }, (_, place) => `S${place}X,1`).join('\n')}\n`,
  },
});
