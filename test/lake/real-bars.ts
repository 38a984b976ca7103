import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import type { Bar } from '../../src/records/bar.ts';

const FOLDER = fileURLToPath(new URL('../../../shared/data/real-bars/us_stocks_sip/day_aggs_v1', import.meta.url));

/** Whether the real bars lie beside the repository; their absence is said, or an error with REQUIRE_ALL=1. */
export function haveRealBars(): boolean {
  if (existsSync(FOLDER)) return true;
  if (process.env.REQUIRE_ALL === '1') throw new Error('REQUIRE_ALL=1, and ../shared/data/real-bars is absent');
  console.log('SKIPPED: tests on real bars, because ../shared/data/real-bars is absent');
  return false;
}

/** Date → its complete rows, sorted by symbol. */
export function realBars(): Map<string, Bar[]> {
  const sessions = new Map<string, Bar[]>();
  const files = readdirSync(FOLDER, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.csv.gz'));
  for (const file of files.sort()) {
    const date = /(\d{4}-\d{2}-\d{2})\.csv\.gz$/.exec(file)![1]!;
    const [, ...lines] = gunzipSync(readFileSync(join(FOLDER, file)))
      .toString('utf8')
      .trim()
      .split('\n');
    const bars = lines.map((line) => barOf(line.trim(), date)).filter((bar) => bar !== undefined);
    sessions.set(
      date,
      bars.sort((a, b) => (a.symbol < b.symbol ? -1 : 1)),
    );
  }
  return sessions;
}

function barOf(line: string, date: string): Bar | undefined {
  const [symbol = '', ...fields] = line.split(',');
  const [volume, open, close, high, low] = fields
    .slice(0, 5)
    .map((field) => (field === '' ? Number.NaN : Number(field)));
  if (![volume, open, close, high, low].every((value) => Number.isFinite(value))) return undefined;
  const ingestedAt = `${date}T23:00:00.000Z`;
  return {
    symbol,
    date,
    open: open!,
    high: high!,
    low: low!,
    close: close!,
    volume: volume!,
    vwap: null,
    transactions: null,
    source: 'real',
    ingestedAt,
  };
}
