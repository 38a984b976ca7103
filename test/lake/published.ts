import { createHash } from 'node:crypto';
import { keys, type Lake } from '../../src/lake/lake.ts';
import { encodeRows } from '../../src/lake/parquet.ts';
import { encodeBars, readIngest, writeIngest } from '../../src/lake/session-files.ts';
import type { Bar } from '../../src/records/bar.ts';

export type Prices = Partial<Omit<Bar, 'symbol' | 'date'>>;

/** A bar whose values follow from symbol, date and `variant`, so that a correction is another variant. */
export function bar(symbol: string, date: string, variant = 0, more: Prices = {}): Bar {
  const seed = createHash('sha256').update(`${symbol} ${date} ${variant}`).digest();
  const open = 10 + seed.readUInt16LE(0) / 100;
  const close = open * (0.9 + seed[2]! / 1280);
  return {
    symbol,
    date,
    open,
    high: Math.max(open, close) + seed[3]! / 100,
    low: Math.min(open, close) - seed[4]! / 100,
    close,
    volume: seed.readUInt32LE(5) / (variant % 2 === 0 ? 1 : 1000),
    vwap: seed[9]! < 40 ? null : (open + close) / 2,
    transactions: seed[9]! < 60 ? null : seed.readUInt32LE(10),
    source: 'test',
    ingestedAt: new Date(Date.parse(`${date}T23:00:00Z`) + variant * 1000).toISOString(),
    ...more,
  };
}

/** Publishes a session as publish-session does: removals are announced, the ingest manifest comes last. */
export async function publish(lake: Lake, date: string, bars: readonly Bar[], ingestedAt = `${date}T23:00:00.000Z`) {
  const before = await readIngest(lake, date);
  const stored = before ? await symbolsOf(lake, date) : [];
  const sorted = [...bars].sort((a, b) => (a.symbol < b.symbol ? -1 : 1));
  const present = new Set(bars.map(({ symbol }) => symbol));
  const removed = [...new Set([...(before?.removed ?? []), ...stored])].filter((symbol) => !present.has(symbol)).sort();
  const bytes = encodeBars(sorted);
  await lake.write(keys.session(date), bytes);
  await lake.write(`test/symbols/${date}`, Buffer.from(JSON.stringify([...present])));
  const checksum = createHash('sha256').update(bytes).digest('hex');
  await writeIngest(lake, {
    date,
    rows: bars.length,
    rejected: 0,
    checksum,
    removed,
    source: 'test',
    runId: 'r',
    ingestedAt,
  });
}

async function symbolsOf(lake: Lake, date: string): Promise<string[]> {
  return JSON.parse(Buffer.from((await lake.read(`test/symbols/${date}`))!).toString());
}

/** A one-row date file of the original layout. */
export async function originalFile(lake: Lake, { symbol, date, open, high, low, close, volume }: Bar, key?: string) {
  await lake.write(
    key ?? keys.symbolDate(symbol, date),
    originalBytes([{ symbol, date, open, high, low, close, volume }]),
  );
}

export function originalBytes(
  rows: readonly Pick<Bar, 'symbol' | 'date' | 'open' | 'high' | 'low' | 'close' | 'volume'>[],
) {
  return encodeRows(
    [
      { name: 'symbol', type: 'text' },
      { name: 'open', type: 'double' },
      { name: 'high', type: 'double' },
      { name: 'low', type: 'double' },
      { name: 'close', type: 'double' },
      { name: 'volume', type: 'bigint' },
      { name: 'timestamp', type: 'timestamp' },
      { name: 'interval', type: 'text' },
    ],
    rows.map(({ date, volume, ...rest }) => ({
      ...rest,
      volume: Math.round(volume),
      timestamp: `${date}T00:00:00Z`,
      interval: '1d',
    })),
  );
}
