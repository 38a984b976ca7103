import { dateOf } from '../../calendar/dates.ts';
import { NamedError } from '../../errors.ts';
import type { BarChunk } from './engine.ts';
import type { Slots } from './slots.ts';
import type { FactorSpan } from './splits.ts';

/** What is known of a portion's bars once all have been looked at. */
export interface Look {
  symbols: readonly string[];
  slots: Slots;
  factors: ReadonlyMap<string, readonly FactorSpan[]>;
  companyChanges: ReadonlyMap<string, readonly number[]>;
  /** Bars that came, those of no symbol of the portion, and the windows they go to, one bar to several. */
  bars: number;
  strangers: number;
  counted: number;
  /** Days that go to no window. */
  dropped: Set<number>;
  /** Symbol → why its windows cannot be right. */
  impossible: Map<string, string>;
  /** Symbol → a bar against the OHLC rules; its windows are right, as far as it is. */
  broken: Map<string, string>;
  sid: number;
  day: number;
}

export function newLook({
  symbols,
  slots,
  factors,
  companyChanges,
}: Pick<Look, 'symbols' | 'slots' | 'factors' | 'companyChanges'>): Look {
  const faults = { impossible: new Map<string, string>(), broken: new Map<string, string>() };
  return {
    symbols,
    slots,
    factors,
    companyChanges,
    bars: 0,
    strangers: 0,
    counted: 0,
    dropped: new Set(),
    ...faults,
    sid: -1,
    day: 0,
  };
}

/**
 * Looks at every bar, puts those of before a split on the basis of after it, and finds the place of each bar's day in
 * the slots' tables.
 * @returns rows from which on a symbol's bars are another company's than those of the row before
 * @throws Job.Failed when symbols are not in order: DuckDB then read otherwise than it was told to
 */
export function lookAtBars(look: Look, chunk: BarChunk, places: Int32Array): readonly number[] {
  const { slots, symbols, factors, companyChanges } = look;
  const { rows, sid: sids, day: days, open, high, low, close, volume } = chunk;
  const { firstDay, cover } = slots;
  const none = cover.length - 1;
  let { sid, day, strangers, counted } = look;
  let spans = sid < 0 ? undefined : factors.get(symbols[sid]!);
  let changes = sid < 0 ? undefined : companyChanges.get(symbols[sid]!);
  const changed: number[] = [];
  for (let row = 0; row < rows; row++) {
    const [next, nextDay] = [sids[row]!, days[row]!];
    if (next < 0) {
      strangers++;
      places[row] = none;
      continue;
    }
    if (next !== sid) {
      if (next < sid) throw outOfOrder(symbols[next]!, symbols[sid]!);
      spans = factors.get(symbols[next]!);
      changes = companyChanges.get(symbols[next]!);
    } else if (nextDay <= day) {
      look.impossible.set(symbols[next]!, `a bar of ${dateOf(nextDay)} behind one of ${dateOf(day)}`);
    } else if (changes && isChanged(changes, day, nextDay)) changed.push(row);
    sid = next;
    day = nextDay;
    const place = day >= firstDay && day < firstDay + none ? day - firstDay : none;
    places[row] = place;
    if (cover[place] === 0) {
      look.dropped.add(day);
      continue;
    }
    counted += cover[place]!;
    if (spans) adjust(chunk, row, spans);
    const [o, h, l, c, v] = [open[row]!, high[row]!, low[row]!, close[row]!, volume[row]!];
    if (l <= o && l <= c && h >= o && h >= c && v >= 0 && h < Infinity && l > -Infinity && v < Infinity) continue;
    const possible = Number.isFinite(o + h + l + c + v);
    const text = `open ${o}, high ${h}, low ${l}, close ${c}, volume ${v} on ${dateOf(day)}`;
    look[possible ? 'broken' : 'impossible'].set(symbols[sid]!, text);
  }
  Object.assign(look, { sid, day, strangers, counted, bars: look.bars + rows });
  return changed;
}

/** Not `some` with a closure a bar: a symbol that changed hands has thousands of them. */
function isChanged(changes: readonly number[], before: number, day: number): boolean {
  for (const change of changes) if (change > before && change <= day) return true;
  return false;
}

function adjust({ day, open, high, low, close, volume }: BarChunk, row: number, spans: readonly FactorSpan[]): void {
  for (const { from, to, factor } of spans) {
    if (day[row]! < from || day[row]! >= to) continue;
    open[row]! *= factor;
    high[row]! *= factor;
    low[row]! *= factor;
    close[row]! *= factor;
    volume[row]! /= factor;
    return;
  }
}

function outOfOrder(symbol: string, before: string): NamedError {
  return new NamedError('Job.Failed', {
    what: 'the bars could not be resampled',
    found: `${symbol} behind ${before}`,
    wanted: 'symbols in order',
  });
}
