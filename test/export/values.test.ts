import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { previousSession, sessionsBetween } from '../../src/calendar/calendar.ts';
import type { FileLake } from '../../src/lake/file-lake.ts';
import { publish } from '../lake/published.ts';
import { temporaryFolder } from '../local/programs.ts';
import { barOf, DIVIDENDS, exportTo, filesIn, makeLake, SESSIONS, TAKEOVER, type ViewRow, viewOf } from './scene.ts';

let lake: FileLake;
beforeAll(async () => {
  lake = await makeLake();
});

const PRICES = ['open', 'high', 'low', 'close'] as const;

interface CsvRow extends Pick<ViewRow, 'date' | 'open' | 'high' | 'low' | 'close' | 'volume'> {
  dividend: number;
  split: number;
}

function csvRows(text: string): CsvRow[] {
  const [head, ...lines] = text.trimEnd().split('\n');
  expect(head).toBe('date,open,high,low,close,volume,dividend,split');
  return lines.map((line) => {
    const [date, ...cells] = line.split(',');
    const [open, high, low, close, volume, dividend, split] = cells.map(Number);
    return { date, open, high, low, close, volume, dividend, split } as CsvRow;
  });
}

async function csvdirOf(adjust: 'none' | 'split' | 'total_return'): Promise<Map<string, CsvRow[]>> {
  const folder = temporaryFolder();
  await exportTo(folder, lake, 'csvdir', { adjust });
  const named = [...filesIn(folder)].map(
    ([path, { bytes }]) => [/^daily\/(\w+)\.csv$/.exec(path)![1]!, csvRows(bytes)] as const,
  );
  return new Map(named);
}

test.each([
  ['none', 'bars'],
  ['split', 'bars_split_adjusted'],
  ['total_return', 'bars_total_return'],
] as const)(
  'csvdir, %s: every row is that of %s, and a session without a bar is a row of zeros',
  async (adjust, view) => {
    const found = await csvdirOf(adjust);
    const wanted = await viewOf(lake, view === 'bars' ? 'sessions' : view);
    expect([...found.keys()].sort()).toEqual([...wanted.keys()].map((name) => name.replace('.', '_')).sort());
    for (const [name, rows] of wanted) {
      const own = found.get(name.replace('.', '_'))!;
      expect(own.map(({ date }) => date)).toEqual(sessionsBetween(rows[0]!.date, rows.at(-1)!.date));
      const traded = own.filter(({ close }) => close !== 0);
      expect(traded.map(({ date }) => date)).toEqual(rows.map(({ date }) => date));
      for (const [place, row] of rows.entries())
        for (const column of [...PRICES, 'volume'] as const) expect(traded[place]![column]).toBe(row[column]);
      const quiet = own.filter(({ close }) => close === 0);
      for (const { open, high, low, volume } of quiet) expect([open, high, low, volume]).toEqual([0, 0, 0, 0]);
    }
  },
);

test('csvdir: dividends and splits stand on their days, of their own company, and make the adjusted view', async () => {
  const found = await csvdirOf('none');
  const events = (name: string) =>
    found
      .get(name)!
      .filter(({ dividend, split }) => dividend !== 0 || split !== 1)
      .map(({ date, dividend, split }) => [date, dividend, split]);
  expect(events('SPY')).toEqual([
    [SESSIONS[5], 1.75, 1],
    [SESSIONS[22], 1.81, 1],
  ]);
  expect(events('AAPL')).toEqual([
    [SESSIONS[8], 0, 1 / 3],
    [SESSIONS[15], 0.26, 1],
  ]);
  // Half a dollar for each new share is one dollar for an old one, which is what is held the day before.
  expect(events('SPLIT')).toEqual([[SESSIONS[10], 1, 2]]);
  expect(events('REUSED_1')).toEqual([[SESSIONS[6], 0.3, 1]]);
  expect(events('REUSED')).toEqual([
    [SESSIONS[16], 0, 4],
    [SESSIONS[18], 0.2, 1],
  ]);
  expect(events('MSFT')).toEqual([]);
  // As zipline adjusts: prices before by the split's ratio, and by 1 - dividend / close before.
  const wanted = await viewOf(lake, 'bars_total_return');
  for (const [name, rows] of found) {
    let factor = 1;
    const adjusted = new Map<string, number>();
    for (let place = rows.length - 1; place >= 0; place -= 1) {
      const { date, close, dividend, split } = rows[place]!;
      adjusted.set(date, close * factor);
      const before = rows.slice(0, place).findLast((row) => row.close !== 0);
      if (before) factor *= (1 / split) * (1 - dividend / before.close);
    }
    const series = wanted.get(name.replace('BRK_B', 'BRK.B'))!;
    for (const { date, close } of series) expect(adjusted.get(date)).toBeCloseTo(close, 8);
  }
});

test('csvdir, split: dividends are on the share basis of the newest session', async () => {
  const found = await csvdirOf('split');
  const dividends = (name: string) =>
    found
      .get(name)!
      .filter(({ dividend }) => dividend !== 0)
      .map(({ date, dividend }) => [date, dividend]);
  expect(dividends('SPLIT')).toEqual([[SESSIONS[10], 0.5]]);
  expect(dividends('AAPL')).toEqual([[SESSIONS[15], 0.26]]);
  expect([...found.values()].flat().filter(({ split }) => split !== 1)).toEqual([]);
});

/** A zip read by its central directory, as any program reads one. */
function unzip(bytes: Buffer): Map<string, string> {
  const end = bytes.lastIndexOf(Buffer.from('PK\x05\x06', 'latin1'));
  const files = new Map<string, string>();
  let at = bytes.readUInt32LE(end + 16);
  for (let left = bytes.readUInt16LE(end + 10); left > 0; left -= 1) {
    expect(bytes.toString('latin1', at, at + 4)).toBe('PK\x01\x02');
    const [method, size, nameLength] = [
      bytes.readUInt16LE(at + 10),
      bytes.readUInt32LE(at + 24),
      bytes.readUInt16LE(at + 28),
    ];
    expect(method).toBe(0);
    const header = bytes.readUInt32LE(at + 42);
    const start = header + 30 + bytes.readUInt16LE(header + 26) + bytes.readUInt16LE(header + 28);
    files.set(bytes.toString('utf8', at + 46, at + 46 + nameLength), bytes.toString('utf8', start, start + size));
    at += 46 + nameLength + bytes.readUInt16LE(at + 30) + bytes.readUInt16LE(at + 32);
  }
  return files;
}

const dateOf = (text: string) => `${text.slice(0, 4)}-${text.slice(4, 6)}-${text.slice(6, 8)}`;
const linesOf = (text: string) =>
  text
    .trimEnd()
    .split('\n')
    .map((line) => line.split(','));

/** Factors of a date as LEAN looks for them: the first row that is not before it. */
function factorsOn(rows: readonly string[][], date: string): { price: number; split: number } {
  const row = rows.find(([day]) => dateOf(day!) >= date)!;
  return { price: Number(row[1]), split: Number(row[2]) };
}

/** https://github.com/QuantConnect/Lean/blob/master/Data/equity/readme.md, "Hour and Daily File Format". */
test('LEAN: every field of the daily zips is as documented, and with the factor files gives the adjusted view', async () => {
  const folder = temporaryFolder();
  const { leftOut } = await exportTo(folder, lake, 'lean');
  expect(leftOut).toEqual([{ symbol: 'KIMpL', reason: expect.stringContaining('capital letters') }]);
  const root = join(folder, 'equity', 'usa');
  const [raw, total, splitOnly] = [
    await viewOf(lake, 'sessions'),
    await viewOf(lake, 'bars_total_return'),
    await viewOf(lake, 'bars_split_adjusted'),
  ];
  const names = [...raw.keys()].filter((name) => name !== 'KIMpL');
  for (const name of names) {
    const symbol = name.replace('_1', '').toLowerCase();
    const permtick = name.replace('_1', '.1').toLowerCase();
    const files = unzip(readFileSync(join(root, 'daily', `${symbol}.zip`)));
    expect([...files.keys()]).toEqual([`${symbol}.csv`]);
    const map = linesOf(readFileSync(join(root, 'map_files', `${permtick}.csv`), 'utf8'));
    const factors = linesOf(readFileSync(join(root, 'factor_files', `${permtick}.csv`), 'utf8'));
    const rows = raw.get(name)!;
    // From its first day to its last, or for ever, it was called so.
    const [[first], [last]] = map as [string[], string[]];
    expect(map.map(([, ticker]) => ticker)).toEqual([symbol, symbol]);
    expect(dateOf(first!)).toBe(rows[0]!.date);
    expect(last).toBe(['GONE', 'REUSED_1'].includes(name) ? rows.at(-1)!.date.replaceAll('-', '') : '20501231');
    // Rows in order, each date once, the last one for ever and without a factor.
    const dates = factors.map(([date]) => date!);
    expect([...new Set(dates)].sort()).toEqual(dates);
    expect(factors.at(-1)).toEqual(['20501231', '1', '1', '0']);
    for (const cells of factors) {
      expect(cells).toHaveLength(4);
      expect(cells.join(',')).toMatch(/^\d{8}(,\d+(\.\d+)?){3}$/);
    }
    const own = linesOf(files.get(`${symbol}.csv`)!)
      .map(([time, ...cells]) => ({ time: time!, cells }))
      .filter(({ time }) => dateOf(time) >= rows[0]!.date && dateOf(time) <= rows.at(-1)!.date);
    expect(own).toHaveLength(rows.length);
    for (const [place, { time, cells }] of own.entries()) {
      const row = rows[place]!;
      expect(time).toBe(`${row.date.replaceAll('-', '')} 00:00`);
      expect(cells.every((cell) => /^\d+$/.test(cell))).toBe(true);
      const values = cells.map(Number);
      expect(values.slice(0, 4)).toEqual(PRICES.map((column) => Math.round(row[column] * 10_000)));
      expect(values[4]).toBe(row.volume);
      const { price, split } = factorsOn(factors, row.date);
      for (const [index, column] of PRICES.entries()) {
        expect((values[index]! / 10_000) * price * split).toBeCloseTo(total.get(name)![place]![column], 6);
        expect((values[index]! / 10_000) * split).toBeCloseTo(splitOnly.get(name)![place]![column], 6);
      }
    }
  }
});

test('LEAN: a row of a factor file stands on the session before the action, with its close', async () => {
  const folder = temporaryFolder();
  await exportTo(folder, lake, 'lean');
  const raw = await viewOf(lake, 'sessions');
  for (const { symbol, ex_date: day, cash_amount: cash } of DIVIDENDS.filter(({ symbol }) => symbol === 'SPY')) {
    const before = previousSession(day);
    const rows = linesOf(readFileSync(join(folder, 'equity/usa/factor_files/spy.csv'), 'utf8'));
    const at = rows.findIndex(([date]) => dateOf(date!) === before);
    const close = raw.get(symbol)!.find(({ date }) => date === before)!.close;
    expect(Number(rows[at]![3])).toBe(close);
    // What LEAN pays: the close times what the factor loses.
    expect(close * (1 - Number(rows[at]![1]) / Number(rows[at + 1]![1]))).toBeCloseTo(cash, 6);
  }
});

test('a symbol that passed on is two series in every format', async () => {
  const files = await Promise.all(
    (['csvdir', 'qlib', 'lean'] as const).map(async (name) => {
      const folder = temporaryFolder();
      await exportTo(folder, lake, name);
      return [...filesIn(folder)].filter(([path]) => /reused/i.test(path) || path.endsWith('all.txt'));
    }),
  );
  expect(files[0]!.map(([path]) => path)).toEqual(['daily/REUSED.csv', 'daily/REUSED_1.csv']);
  const instruments = files[1]!.find(([path]) => path.endsWith('all.txt'))![1].bytes.split('\n');
  expect(instruments.filter((line) => line.startsWith('REUSED'))).toEqual([
    `REUSED_1\t${SESSIONS[0]}\t${previousSession(TAKEOVER)}`,
    `REUSED\t${TAKEOVER}\t${SESSIONS.at(-3)}`,
  ]);
  expect(files[2]!.map(([path]) => path.replace('equity/usa/', ''))).toEqual([
    'daily/reused.zip',
    'factor_files/reused.1.csv',
    'factor_files/reused.csv',
    'map_files/reused.1.csv',
    'map_files/reused.csv',
  ]);
});

test('a symbol that is asked for and has no bar in the time is named; bars on days that are no sessions are left out', async () => {
  const lone = await makeLake();
  const sunday = '2025-10-26';
  await publish(lone, sunday, [barOf('AAPL', sunday), barOf('SPY', sunday)]);
  const folder = temporaryFolder();
  const range = { symbols: ['AAPL', 'NEW'], from: SESSIONS[0]!, to: SESSIONS[7]! };
  const done = await exportTo(folder, lone, 'csvdir', range);
  expect(done.leftOut).toEqual([{ symbol: 'NEW', reason: 'it has no bar in this time' }]);
  expect(done.strayBars).toBe(1);
  const [rows] = [...filesIn(folder).values()].map(({ bytes }) => csvRows(bytes));
  expect(rows!.map(({ date }) => date)).toEqual(SESSIONS.slice(0, 8));
});
