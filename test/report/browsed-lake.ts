import { sessionNumber, sessionsBetween, windowOf } from '../../src/calendar/calendar.ts';
import { readDay } from '../../src/calendar/dates.ts';
import { snapshotFile } from '../../src/datasets/snapshots.ts';
import { manifestBytes } from '../../src/jobs/consolidate/consolidation-state.ts';
import { claimLake, jsonBytes, keys, type Lake } from '../../src/lake/lake.ts';
import { encodeRows, textOf } from '../../src/lake/parquet.ts';
import { encodeRevisions } from '../../src/lake/revisions.ts';
import { encodeBars } from '../../src/lake/session-files.ts';
import { encodeSilver } from '../../src/lake/silver.ts';
import type { Bar } from '../../src/records/bar.ts';
import { bar, publish } from '../lake/published.ts';
import { nightReport } from './night-report.ts';

/** More than a year, the last of them the newest session. */
export const SESSIONS = sessionsBetween('2025-10-01', '2026-11-25');
export const NEWEST = '2026-11-25';
/** Two shares for one of AAPL from this session on. */
export const SPLIT = '2026-06-15';
/** A bar of AAPL that was fetched once more, with another close. */
export const REVISED = '2026-11-20';
const REVISED_AT = '2026-11-24T09:00:00.123Z';
const INTERVAL = 5;
/** Odd symbols, and names that would be markup if anybody took them for it. */
export const NAMES: Readonly<Record<string, string>> = {
  AAPL: 'Apple Inc.',
  AAPD: 'Apple Daily Bear "<script>document.title=1</script>"',
  'BRK.B': 'Berkshire Hathaway Inc. Class B',
  KIMPL: 'Kimco Plain',
  KIMpL: 'Kimco Realty Preferred L',
  MSFT: 'Microsoft Corp </title><img src=x onerror=document.title=2>',
  NAN: 'Nuveen New York',
  'Q<I>': 'Angle & Brackets',
};

/** A walk of prices, twice as high before a split of AAPL. */
export function walk(symbol: string): Bar[] {
  let close = 100;
  return SESSIONS.map((date) => {
    const drawn = bar(symbol, date);
    const open = close;
    close = Math.max(5, close * (0.97 + ((drawn.volume % 1000) / 1000) * 0.0605));
    const factor = symbol === 'AAPL' && date < SPLIT ? 2 : 1;
    const [high, low] = [Math.max(open, close) * 1.01, Math.min(open, close) * 0.99];
    const prices = { open: open * factor, high: high * factor, low: low * factor, close: close * factor };
    const revised = symbol === 'AAPL' && date === REVISED ? { ingestedAt: REVISED_AT } : {};
    return { ...drawn, ...prices, volume: Math.round(drawn.volume / 1000), ...revised };
  });
}

/** A lake as nights leave it, as far as the served pages read it. */
export async function fillLake(lake: Lake): Promise<void> {
  await claimLake(lake, 'practice');
  const bars = new Map(Object.keys(NAMES).map((symbol) => [symbol, walk(symbol)]));
  for (const [symbol, history] of bars) await lake.write(keys.symbol(symbol), encodeBars(history));
  await publish(
    lake,
    NEWEST,
    [...bars.values()].map((history) => history.at(-1)!),
  );
  const entry = { lastDay: readDay(NEWEST)!, rows: SESSIONS.length, lastUpdated: 0n };
  await lake.write(keys.manifest, manifestBytes(new Map([...bars.keys()].map((symbol) => [symbol, entry]))));
  const records = Object.entries(NAMES).map(([symbol, name]) => ({ symbol, name, active: true }));
  const fields = { name: 'text', active: 'boolean' } as const;
  for (const [key, bytes] of snapshotFile(records, { dataset: 'tickers', fields, session: NEWEST }))
    await lake.write(key, bytes);
  await lake.write(keys.snapshot('splits', NEWEST), splitsFile());
  await writeWindows(lake, bars);
  const after = bars.get('AAPL')!.find(({ date }) => date === REVISED)!;
  const before = { ...after, close: after.close / 1.001, ingestedAt: `${REVISED}T23:00:00.000Z` };
  await lake.write(
    keys.revisions(REVISED, REVISED_AT),
    encodeRevisions([{ symbol: 'AAPL', kind: 'changed', before, after }], {
      night: '2026-11-23',
      runId: 'night-1',
      date: REVISED,
      at: REVISED_AT,
    }),
  );
  await lake.write(keys.report(NEWEST, 'night.json'), jsonBytes(nightReport({ session: NEWEST, practice: true })));
}

/** The split of AAPL, and one that is only announced. */
export function splitsFile(): Uint8Array {
  return encodeRows(
    [
      { name: 'symbol', type: 'text' },
      { name: 'execution_date', type: 'date' },
      { name: 'split_from', type: 'double' },
      { name: 'split_to', type: 'double' },
    ],
    [
      { symbol: 'AAPL', execution_date: SPLIT, split_from: 1, split_to: 2 },
      { symbol: 'AAPL', execution_date: '2026-12-01', split_from: 1, split_to: 10 },
    ],
  );
}

/** Five-session bars of AAPL and MSFT, adjusted, as the resampler stores them. */
async function writeWindows(lake: Lake, bars: ReadonlyMap<string, readonly Bar[]>): Promise<void> {
  const months = new Map<string, { symbol: string; first: string; last: string; own: Bar[] }[]>();
  for (const symbol of ['AAPL', 'MSFT']) {
    const windows = new Map<string, { symbol: string; first: string; last: string; own: Bar[] }>();
    for (const one of bars.get(symbol)!) {
      const { first, lastPlanned: last } = windowOf(one.date, INTERVAL);
      const factor = symbol === 'AAPL' && one.date < SPLIT ? 0.5 : 1;
      const prices = { open: one.open * factor, high: one.high * factor, low: one.low * factor };
      const window = windows.get(first) ?? { symbol, first, last, own: [] };
      window.own.push({ ...one, ...prices, close: one.close * factor, volume: one.volume / factor });
      windows.set(first, window);
    }
    for (const window of windows.values()) {
      const month = window.first.slice(0, 7);
      months.set(month, [...(months.get(month) ?? []), window]);
    }
  }
  for (const [month, rows] of months) {
    const days = (date: string) => readDay(date)!;
    const numbers = (of: (own: Bar[]) => number) => Float64Array.from(rows, ({ own }) => of(own));
    const bytes = encodeSilver({
      symbol: textOf(rows.map(({ symbol }) => symbol)),
      date: Int32Array.from(rows, ({ first }) => days(first)),
      window_end: Int32Array.from(rows, ({ last }) => days(last)),
      open: numbers((own) => own[0]!.open),
      high: numbers((own) => Math.max(...own.map(({ high }) => high))),
      low: numbers((own) => Math.min(...own.map(({ low }) => low))),
      close: numbers((own) => own.at(-1)!.close),
      volume: numbers((own) => own.reduce((sum, { volume }) => sum + volume, 0)),
      bars: Int32Array.from(rows, ({ own }) => own.length),
      complete: Uint8Array.from(rows, ({ last }) => (sessionNumber(last) <= sessionNumber(NEWEST) ? 1 : 0)),
    });
    await lake.write(keys.silver(INTERVAL, month), bytes);
  }
  await lake.write(
    keys.silverCheckpoint(INTERVAL),
    jsonBytes({ interval: INTERVAL, sessions: '', months: {}, splits: {}, failed: [] }),
  );
}
