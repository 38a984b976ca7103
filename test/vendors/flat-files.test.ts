import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { parseBars } from '../../src/records/bar.ts';
import { flatFiles } from '../../src/vendors/flat-files.ts';

const HEADER = 'ticker,volume,open,close,high,low,window_start,transactions';
let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'flat-'));
});
afterEach(() => rm(folder, { recursive: true }));

async function put(date: string, content: string | Buffer, under = 'us_stocks_sip/day_aggs_v1') {
  const [year = '', month = ''] = date.split('-');
  const file = join(folder, under, year, month, `${date}.csv.gz`);
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, typeof content === 'string' ? gzipSync(content) : content);
}

describe('a session of flat files', () => {
  test('rows have the shape of a grouped answer, found by column names, with their line', async () => {
    await put('2023-03-28', `${HEADER}\nAAPL,45535200,157.97,157.65,158.49,155.98,1680033600000000000,500123\n`);
    expect(await flatFiles(folder).session('2023-03-28')).toEqual({
      date: '2023-03-28',
      found: true,
      rows: [
        {
          T: 'AAPL',
          o: 157.97,
          h: 158.49,
          l: 155.98,
          c: 157.65,
          v: 45535200,
          n: 500123,
          text: 'AAPL,45535200,157.97,157.65,158.49,155.98,1680033600000000000,500123',
        },
      ],
    });
  });

  test('another order of columns, a BOM, CRLF and unknown columns change nothing', async () => {
    await put('2023-03-28', '\ufefflow,high,x,ticker,close,open,volume\r\n1,4,y,BRK.B,3,2,10.5\r\n');
    const { rows } = await flatFiles(folder).session('2023-03-28');
    expect(rows).toEqual([{ T: 'BRK.B', o: 2, h: 4, l: 1, c: 3, v: 10.5, text: '1,4,y,BRK.B,3,2,10.5' }]);
  });

  test('symbols that look like other things stay text', async () => {
    const odd = ['TRUE', 'NAN', 'E', 'ON', 'NA', 'INF', 'KIMpL', '1E5', 'CON'];
    await put('2023-03-28', [HEADER, ...odd.map((symbol) => `${symbol},1,1,1,1,1,0,`)].join('\n'));
    const { rows } = await flatFiles(folder).session('2023-03-28');
    expect(rows.map(({ T }) => T)).toEqual(odd);
    expect(rows[0]).not.toHaveProperty('n');
  });

  test('cells that are no number and short lines are rejected row by row, with the line kept', async () => {
    await put('2023-03-28', `${HEADER}\nA,1,,2,3,1,0,\nB,1,0x10,2,3,1,0,\nC,NaN,2,2,3,1,0,\nD,1,2\nE,1,2,2,3,1,0,1\n`);
    const { rows } = await flatFiles(folder).session('2023-03-28');
    const parsed = parseBars(rows, { date: '2023-03-28', source: 'flat-files', ingestedAt: '2023-03-29T00:00:00Z' });
    expect(parsed.records.map(({ symbol }) => symbol)).toEqual(['E']);
    expect(parsed.rejected.map(({ symbol, reason, row }) => [symbol, reason, (row as { text: string }).text])).toEqual([
      ['A', 'open is not a number', 'A,1,,2,3,1,0,'],
      ['B', 'open is not a number', 'B,1,0x10,2,3,1,0,'],
      ['C', 'volume is not a number', 'C,NaN,2,2,3,1,0,'],
      ['D', 'high is not a number', 'D,1,2'],
    ]);
  });

  test('a missing file is not found and has no rows', async () => {
    await put('2023-03-28', HEADER);
    expect(await flatFiles(folder).session('2023-03-29')).toEqual({ date: '2023-03-29', found: false, rows: [] });
    expect(await flatFiles(folder).session('2023-03-28')).toEqual({ date: '2023-03-28', found: true, rows: [] });
  });

  test.each([
    ['no gzip', Buffer.from('ticker,volume')],
    ['an empty file', Buffer.alloc(0)],
    ['a cut gzip', gzipSync(`${HEADER}\n${'AAPL,1,1,1,1,1,0,\n'.repeat(500)}`).subarray(0, 60)],
    ['a gzip of other columns', gzipSync('symbol,price\nAAPL,1\n')],
    ['an empty gzip', gzipSync('')],
    ['an open quote', gzipSync(`${HEADER}\n"AAPL,1,1,1,1,1,0,\n`)],
  ])('%s is Data.Invalid and names the file', async (_, content) => {
    await put('2023-03-28', content);
    await expect(flatFiles(folder).session('2023-03-28')).rejects.toMatchObject({
      name: 'Data.Invalid',
      message: expect.stringContaining('2023-03-28.csv.gz'),
    });
  });
});

describe('the folder', () => {
  test.each(['us_stocks_sip/day_aggs_v1', 'day_aggs_v1', ''])('files under %j are found', async (under) => {
    await put('2023-03-28', HEADER, under);
    expect((await flatFiles(folder).session('2023-03-28')).found).toBe(true);
  });

  test('sessions are the dates of the files between two dates, both included', async () => {
    for (const date of ['2022-12-30', '2023-01-03', '2023-01-31', '2023-02-01', '2024-01-02']) await put(date, HEADER);
    const files = flatFiles(folder);
    expect(await files.sessions('2022-12-30', '2023-01-31')).toEqual(['2022-12-30', '2023-01-03', '2023-01-31']);
    expect(await files.sessions('2023-01-04', '2023-01-30')).toEqual([]);
    expect(await files.sessions('2000-01-01', '2030-01-01')).toHaveLength(5);
  });

  test('a file under another month than its own is no session, as its date would not find it', async () => {
    await put('2023-03-28', HEADER, '');
    await rename(join(folder, '2023/03'), join(folder, '2023/04'));
    await put('2023-03-29', HEADER, '');
    expect(await flatFiles(folder).sessions('2023-03-01', '2023-04-30')).toEqual(['2023-03-29']);
  });

  test('a folder without files, or none at all, is told so by name', async () => {
    for (const path of [folder, join(folder, 'none')]) {
      await expect(flatFiles(path).session('2023-03-28')).rejects.toMatchObject({ name: 'Usage.Invalid' });
    }
  });

  test('a date that is none is refused before any path is made of it', async () => {
    await expect(flatFiles(folder).session('../../x')).rejects.toMatchObject({ name: 'Usage.Invalid' });
  });
});

const real = new URL('../../../shared/data/real-bars', import.meta.url).pathname;
if (!existsSync(real)) console.log(`SKIPPED: real daily bars are not at ../shared/data/real-bars`);
test('the real bars, where they are, are there', () => {
  if (process.env.REQUIRE_ALL === '1') expect(existsSync(real)).toBe(true);
});
test.runIf(existsSync(real))('real sessions parse into bars with nothing lost', async () => {
  const files = flatFiles(real);
  const dates = await files.sessions('2014-01-01', '2015-12-31');
  expect(dates).toHaveLength(504);
  for (const date of [dates[0]!, dates[250]!, dates[503]!]) {
    const { rows } = await files.session(date);
    const { records, rejected } = parseBars(rows, { date, source: 'flat-files', ingestedAt: '2020-01-01T00:00:00Z' });
    expect(rows.length).toBeGreaterThan(200);
    expect(records.length + rejected.length).toBe(rows.length);
    expect(rejected.length).toBeLessThan(rows.length / 50);
  }
});
