import { exchangeDate } from '../calendar/calendar.ts';
import type { Parsed } from './record.ts';
import { checkSymbol } from './symbol.ts';

/**
 * One daily bar of one symbol, unadjusted, as it stands in bronze (docs/data-dictionary.md).
 * Prices in USD, volume in shares (fractional volumes occur), `date` is the NYSE session YYYY-MM-DD,
 * `ingestedAt` is the opening instant (ISO 8601 UTC) of the run that brought these values.
 */
export interface Bar {
  symbol: string;
  date: string;
  open: number;
  high: number;
  low: number;
  close: number;
  volume: number;
  vwap: number | null;
  transactions: number | null;
  source: string;
  ingestedAt: string;
}

/** `source` of the bars we fetch ourselves; of one session its session file always has the newest of them. */
export const BAR_SOURCES = ['polygon', 'flat-files', 'practice'] as const;
export type BarSourceName = (typeof BAR_SOURCES)[number];

/** Whether two bars of one key carry the same vendor values; when and by which run they came is left aside. */
export function sameValues(a: Bar, b: Bar): boolean {
  return (
    a.open === b.open &&
    a.high === b.high &&
    a.low === b.low &&
    a.close === b.close &&
    a.volume === b.volume &&
    a.vwap === b.vwap &&
    a.transactions === b.transactions &&
    a.source === b.source
  );
}

/** Whether a stored bar would be taken today: earlier versions let through what no bar can be. */
export function isSound({ open: o, high: h, low: l, close: c, volume: v, vwap: vw, transactions: n }: Bar): boolean {
  return flawOf({ o, h, l, c, v, vw, n }) === undefined;
}

/**
 * Turns one session's rows, `{T,o,h,l,c,v,vw?,n?,t?}` as in Polygon's grouped answers, into bars sorted by symbol
 * in code-unit order. Records and rejected rows together are exactly the rows: the second row of a symbol is a
 * `duplicate row`, with other values `duplicate row with other values`, and the first good one stands.
 * Written by hand, because a schema library costs ten times as much on a whole market.
 */
export function parseBars(rows: unknown[], of: { date: string; source: string; ingestedAt: string }): Parsed<Bar> {
  const out: Parsed<Bar> = { records: [], rejected: [] };
  const bySymbol = new Map<string, Bar>();
  const isAstray = strayCheck(of.date);
  for (const row of rows) {
    const fields = (typeof row === 'object' && row !== null ? row : {}) as Record<string, unknown>;
    const symbol = fields.T;
    const reason = checkSymbol(symbol) ?? flawOf(fields) ?? isAstray(fields.t);
    if (reason !== undefined) {
      out.rejected.push({ symbol: typeof symbol === 'string' ? symbol : '', reason, row });
      continue;
    }
    const bar = toBar(fields as unknown as GoodRow, of);
    const first = bySymbol.get(bar.symbol);
    if (first === undefined) bySymbol.set(bar.symbol, bar);
    else out.rejected.push({ symbol: bar.symbol, reason: sameValues(first, bar) ? DUPLICATE : CONTRADICTION, row });
  }
  out.records = [...bySymbol.values()].sort((a, b) => (a.symbol < b.symbol ? -1 : 1));
  return out;
}

export const DUPLICATE = 'duplicate row';
export const CONTRADICTION = 'duplicate row with other values';
const PRICES = { o: 'open', h: 'high', l: 'low', c: 'close' } as const;

/** Beyond it a share no longer counts, and sums over a window or a market end in Infinity. */
const MOST_SHARES = 2 ** 53;
/** USD; a thousand times the dearest share there has been (BRK.A, about 800,000), so above it is a wrong unit or field. */
const MOST_PRICE = 1e9;

interface GoodRow {
  T: string;
  o: number;
  h: number;
  l: number;
  c: number;
  v: number;
  vw?: number | null;
  n?: number | null;
}

function toBar(row: GoodRow, { date, source, ingestedAt }: { date: string; source: string; ingestedAt: string }): Bar {
  return {
    symbol: row.T,
    date,
    open: row.o,
    high: row.h,
    low: row.l,
    close: row.c,
    volume: row.v,
    vwap: row.vw ?? null,
    transactions: row.n ?? null,
    source,
    ingestedAt,
  };
}

/** Why a row `{o,h,l,c,v,vw?,n?}` is no bar; undefined when it is one. */
export function flawOf(row: Record<string, unknown>): string | undefined {
  for (const field of ['o', 'h', 'l', 'c'] as const) {
    const price = row[field];
    if (!Number.isFinite(price)) return `${PRICES[field]} is not a number`;
    if ((price as number) <= 0) return `${PRICES[field]} is not above zero`;
    if ((price as number) > MOST_PRICE) return `${PRICES[field]} is above 1,000,000,000 USD`;
  }
  const { o, h, l, c, v, vw, n } = row as unknown as GoodRow;
  if (h < l) return 'high is below low';
  if (l > Math.min(o, c)) return 'low is above open or close';
  if (h < Math.max(o, c)) return 'high is below open or close';
  if (!Number.isFinite(v)) return 'volume is not a number';
  if (v < 0) return 'volume is below zero';
  if (v > MOST_SHARES) return 'volume is above 2^53 shares';
  if (vw !== undefined && vw !== null && !(Number.isFinite(vw) && vw >= 0)) return 'vwap is not a number';
  if (vw && vw > MOST_PRICE) return 'vwap is above 1,000,000,000 USD';
  if (n !== undefined && n !== null && !(Number.isSafeInteger(n) && n >= 0)) return 'transactions is not a count';
  return undefined;
}

/** Rows of one answer share their time, so each distinct one is looked up once. A row may come without one. */
function strayCheck(date: string): (t: unknown) => string | undefined {
  const known = new Map<number, boolean>();
  return (t) => {
    if (t === undefined) return undefined;
    if (typeof t !== 'number') return 'time is not a number';
    let astray = known.get(t);
    if (astray === undefined) {
      astray = !isOnDate(t, date);
      known.set(t, astray);
    }
    return astray ? 'time is not on the session' : undefined;
  };
}

/**
 * True when a vendor's time (epoch ms) lies on a date (YYYY-MM-DD) in New York. False also for times outside of the
 * calendar, such as seconds or nanoseconds taken for milliseconds.
 */
export function isOnDate(t: number, date: string): boolean {
  try {
    return exchangeDate(new Date(t)) === date;
  } catch {
    return false;
  }
}
