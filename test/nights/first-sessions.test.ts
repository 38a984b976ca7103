import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { afterbell } from './command.ts';
import { scratch } from './scene.ts';

/** The first sessions the calendar takes bars of; the windows they lie in begin in November 1961. */
const SESSIONS = ['1962-01-02', '1962-01-03', '1962-01-04', '1962-01-05'];

test('bars of January 1962 are backfilled and resampled, in windows that begin in 1961', async () => {
  const folder = scratch();
  for (const [place, date] of SESSIONS.entries()) {
    const rows = ['IBM', 'GE'].map(
      (symbol) => `${symbol},1000,${10 + place},${10 + place},${12 + place},${9 + place},0,4`,
    );
    mkdirSync(join(folder, '1962', '01'), { recursive: true });
    const text = `ticker,volume,open,close,high,low,window_start,transactions\n${rows.join('\n')}\n`;
    writeFileSync(join(folder, '1962', '01', `${date}.csv.gz`), gzipSync(text));
  }
  const env = { AFTERBELL_HOME: join(scratch(), 'home') };
  const range = ['--from', SESSIONS[0]!, '--to', SESSIONS.at(-1)!];
  const backfill = await afterbell(['backfill', '--flat-files', folder, ...range], env);
  expect([backfill.code, backfill.stderr]).toEqual([0, expect.not.stringContaining('Data.Invalid')]);

  const sql = `SELECT date::TEXT AS date, window_end::TEXT AS window_end, bars, high FROM bars_34d WHERE symbol = 'IBM' ORDER BY date`;
  const { stdout } = await afterbell(['query', sql, '--json'], env);
  // 11 sessions of November, 20 of December and 3 of January are 34.
  expect(JSON.parse(stdout)).toEqual([
    { date: '1961-11-15', window_end: '1962-01-04', bars: 3, high: 14 },
    { date: '1962-01-05', window_end: '1962-02-21', bars: 1, high: 15 },
  ]);
  const verified = await afterbell(['verify'], env);
  expect(verified.code, verified.stdout).toBe(0);
});
