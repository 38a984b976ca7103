import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { sessionHours, sessionsBetween } from '../../../src/calendar/calendar.ts';
import { replayMarket } from '../../../src/local/market/replay.ts';
import { ask, grouped, withMarket } from './ask.ts';

const HEADER = 'ticker,volume,open,close,high,low,window_start,transactions';
const REAL = fileURLToPath(new URL('../../../../shared/data/real-bars', import.meta.url));
let folder: string;

async function writeDay(date: string, lines: string[], root = 'us_stocks_sip/day_aggs_v1'): Promise<void> {
  const file = join(folder, root, date.slice(0, 4), date.slice(5, 7), `${date}.csv.gz`);
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, gzipSync([HEADER, ...lines, ''].join('\n')));
}

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'replay-'));
});
afterEach(() => rm(folder, { recursive: true }));

describe('replay of flat files', () => {
  it('serves the rows of a file with columns by name, n only where transactions are known and no vw', async () => {
    await writeDay('2024-07-03', [
      'TRUE,1000.5,3.1,3.2,3.3,3.0,1720026000000000000,17',
      'KIMpL,5,20,20.5,21,19,1720026000000000000,',
    ]);
    await withMarket({ source: await replayMarket(folder) }, async (market) => {
      const { json, headers } = await ask(market, grouped('2024-07-03'));
      const t = Date.parse('2024-07-03T17:00:00Z');
      expect(json.results).toEqual([
        { T: 'TRUE', o: 3.1, h: 3.3, l: 3, c: 3.2, v: 1000.5, n: 17, t },
        { T: 'KIMpL', o: 20, h: 21, l: 19, c: 20.5, v: 5, t },
      ]);
      expect(headers.get('x-afterbell-practice')).toBe('replay');
    });
  });

  it('takes listings and assets from the newest file, and from the newest on or before a date asked for', async () => {
    await writeDay('2024-07-01', ['OLD,1,1,1,1,1,0,', 'BOTH,1,1,1,1,1,0,']);
    await writeDay('2024-07-02', ['NAN,1,1,1,1,1,0,', 'BOTH,1,1,1,1,1,0,']);
    await withMarket({ source: await replayMarket(folder) }, async (market) => {
      const tickers = async (query: string) =>
        (await ask(market, `/v3/reference/tickers?${query}`)).json.results!.map((row) => row.ticker);
      expect(await tickers('market=stocks')).toEqual(['BOTH', 'NAN']);
      expect(await tickers('market=otc')).toEqual([]);
      expect(await tickers('date=2024-07-01')).toEqual(['BOTH', 'OLD']);
      expect((await ask(market, '/v2/assets')).json).toMatchObject([{ symbol: 'BOTH' }, { symbol: 'NAN' }]);
      expect((await ask(market, '/')).json).toEqual({
        practice: true,
        source: 'replay',
        symbols: 2,
        from: '2024-07-01',
        to: '2024-07-02',
      });
      expect((await ask(market, '/v3/reference/splits')).json.results).toEqual([]);
    });
  });

  it('answers a date without a file like a holiday', async () => {
    await writeDay('2024-07-02', ['A,1,1,1,1,1,0,'], '.');
    await withMarket({ source: await replayMarket(folder) }, async (market) => {
      for (const date of ['2024-07-01', '2024-07-04', '1950-06-01', '2024-07-03']) {
        const { status, json } = await ask(market, grouped(date));
        expect([status, (json as { resultsCount?: number }).resultsCount, 'results' in json]).toEqual([200, 0, false]);
      }
      expect((await ask(market, grouped('2024-07-02'))).json.results).toHaveLength(1);
    });
  });

  it('refuses a folder without flat files and names a file that cannot be read', async () => {
    await expect(replayMarket(folder)).rejects.toMatchObject({ name: 'Usage.Invalid' });
    await writeDay('2024-07-01', ['A,1,x,1,1,1,0,']);
    await writeDay('2024-07-02', []);
    const cut = join(folder, 'us_stocks_sip/day_aggs_v1/2024/07/2024-07-03.csv.gz');
    await writeFile(cut, gzipSync(HEADER).subarray(0, 12));
    const source = await replayMarket(folder);
    await expect(source.bars('2024-07-01')).rejects.toMatchObject({
      name: 'Data.Invalid',
      message: expect.stringMatching(/2024-07-01\.csv\.gz.*open "x" for A/),
    });
    await expect(source.bars('2024-07-03')).rejects.toMatchObject({ name: 'Data.Invalid' });
    expect(await source.bars('2024-07-02')).toEqual([]);
  });

  it('replays two years of real bars', async () => {
    if (!existsSync(REAL)) {
      console.warn('SKIPPED: real bars are not here (../shared/data/real-bars)');
      expect(process.env.REQUIRE_ALL).not.toBe('1');
      return;
    }
    const source = await replayMarket(REAL);
    expect(await source.span()).toEqual({ from: '2014-01-02', to: '2015-12-31' });
    await withMarket({ source }, async (market) => {
      for (const date of sessionsBetween('2014-11-24', '2014-12-05')) {
        const rows = (await ask(market, grouped(date))).json.results!;
        expect(rows.length).toBeGreaterThan(200);
        expect(rows.every((row) => row.t === Date.parse(sessionHours(date).close))).toBe(true);
        expect(rows.every((row) => !('vw' in row) && !('n' in row))).toBe(true);
      }
      const apple = (await ask(market, grouped('2015-12-31'))).json.results!.find((row) => row.T === 'AAPL');
      expect(apple).toMatchObject({ o: 107.01, c: 105.26, h: 107.03, l: 104.82, v: 40912316 });
      expect((await ask(market, '/')).json).toMatchObject({ symbols: 232 });
    });
  });
});
