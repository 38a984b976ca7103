import { dateOf } from '../calendar/dates.ts';
import type { BacktestFormat, Making } from './format.ts';
import { type Company, factorsFrom, placeIn } from './series.ts';

const FIELDS = ['open', 'high', 'low', 'close', 'volume', 'vwap', 'factor', 'change'] as const;
/** Pandas, with which qlib reads its list of instruments, takes these for no text. */
const MISSING = /^(NA|N\/A|NULL|NAN|NONE)$/i;
/** Windows has no such files; qlib asks for them by another name. */
const DEVICE = /^(con|prn|aux|nul|com\d|lpt\d)$/;

/**
 * Qlib's own storage: `features/symbol/field.day.bin`, 32-bit floats, little-endian, the first one being the place of the
 * first session in `calendars/day.txt`; `instruments/all.txt` has each series with its first and last session.
 */
export const qlib: BacktestFormat = {
  name: 'qlib',
  version: 1,
  adjusts: ['total_return', 'split', 'none'],
  nameOf(symbol) {
    if (!/^[A-Za-z0-9.-]+$/.test(symbol)) return { reason: 'a folder of qlib has letters, digits, dot and dash only' };
    if (MISSING.test(symbol)) return { reason: `qlib reads ${symbol} as a missing name` };
    return { name: symbol };
  },
  spanOf: (company) => ({
    name: nameOf(company),
    first: company.bars.day[company.from]!,
    last: company.bars.day[company.to - 1]!,
  }),
  bars(company, from, making) {
    const folder = nameOf(company).toLowerCase();
    const place = DEVICE.test(folder) ? `_qlib_${folder}` : folder;
    const columns = columnsOf(company, from, making);
    return new Map(
      FIELDS.map((field, index) => [`features/${place}/${field}.day.bin`, Buffer.from(columns[index]!.buffer)]),
    );
  },
  others: () => new Map(),
  basis: ({ takeovers, actions }, { first, last }, { adjust, sessions }) => [
    takeovers.filter((day) => day <= last),
    adjust === 'none' ? [] : actions,
    placeIn(sessions, first),
    placeIn(sessions, last),
  ],
  shared(spans, { sessions }) {
    const lines = spans.map(({ name, first, last }) => `${name}\t${dateOf(first)}\t${dateOf(last)}\n`);
    return new Map([
      ['calendars/day.txt', Buffer.from(sessions.dates.map((date) => `${date}\n`).join(''))],
      ['instruments/all.txt', Buffer.from(lines.join(''))],
    ]);
  },
};

function nameOf({ symbol, former }: Company): string {
  return former === 0 ? symbol : `${symbol}_${former}`;
}

/** A column a field. A session without a bar has no values. */
function columnsOf(company: Company, from: number, { adjust, sessions }: Making): Float32Array[] {
  const { bars, to } = company;
  const isWhole = from === company.from;
  const start = isWhole ? from : from - 1;
  const factors = factorsFrom(company, start, adjust);
  const begin = placeIn(sessions, bars.day[start]!) + (isWhole ? 0 : 1);
  const length = placeIn(sessions, bars.day[to - 1]!) - begin + 1;
  const head = isWhole ? 1 : 0;
  const columns = FIELDS.map(() => new Float32Array(head + length).fill(Number.NaN));
  if (isWhole) for (const column of columns) column[0] = begin;
  let before = isWhole ? Number.NaN : closeOf(start);
  for (let row = from; row < to; row += 1) {
    const { split, dividend } = factors[row - start]!;
    const factor = split * dividend;
    const close = closeOf(row);
    const at = head + placeIn(sessions, bars.day[row]!) - begin;
    const values = [
      bars.open[row]! * factor,
      bars.high[row]! * factor,
      bars.low[row]! * factor,
      close,
      bars.volume[row]! / split,
      bars.vwap[row]! * factor,
      factor,
      close / before - 1,
    ];
    for (const [index, value] of values.entries()) columns[index]![at] = value;
    before = close;
  }
  return columns;

  function closeOf(row: number): number {
    const { split, dividend } = factors[row - start]!;
    return bars.close[row]! * (split * dividend);
  }
}
