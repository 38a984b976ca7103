import type { BacktestFormat, Making } from './format.ts';
import { type Action, type Adjust, type Company, type Factors, factorsFrom, placeIn } from './series.ts';

const HEAD = 'date,open,high,low,close,volume,dividend,split\n';
/** A session without a bar: zipline wants a row for each, and takes zeros for no trade. */
const NO_BAR = '0,0,0,0,0';
/** No dividend, no split. */
const NOTHING = '0,1';

/**
 * A file a company, `daily/SYMBOL.csv`, as zipline's csvdir bundle reads them. It takes what stands before the first dot
 * of a file's name for the symbol, so BRK.B is BRK_B; its own symbols have the share class behind `_`, too.
 */
export const csvdir: BacktestFormat = {
  name: 'csvdir',
  version: 1,
  adjusts: ['none', 'split', 'total_return'],
  nameOf(symbol) {
    const name = symbol.replaceAll(/[./]/g, '_');
    if (!/^[A-Za-z0-9_-]+$/.test(name)) return { reason: 'zipline has letters, digits, dot and dash only in a symbol' };
    if (/_\d+$/.test(name)) return { reason: 'its name would be that of a former company' };
    return { name };
  },
  spanOf: (company) => ({
    name: nameOf(company),
    first: company.bars.day[company.from]!,
    last: company.bars.day[company.to - 1]!,
  }),
  bars: (company, from, making) =>
    new Map([
      [`daily/${nameOf(company)}.csv`, Buffer.from((from === company.from ? HEAD : '') + lines(company, from, making))],
    ]),
  others: () => new Map(),
  basis: ({ takeovers, actions }, { first, last }, { adjust, sessions }) => [
    takeovers.filter((day) => day <= last),
    // As traded, a row has what happened since the row before it, and nothing of later days.
    adjust === 'none' ? actions.filter(({ day }) => day <= last) : actions,
    placeIn(sessions, last) - placeIn(sessions, first),
  ],
  shared: () => new Map(),
};

function nameOf({ symbol, former }: Company): string {
  return symbol.replaceAll(/[./]/g, '_') + (former === 0 ? '' : `_${former}`);
}

function lines(company: Company, from: number, { adjust, sessions }: Making): string {
  const { bars, to } = company;
  const factors = factorsFrom(company, from, adjust);
  const isWhole = from === company.from;
  let text = '';
  let place = placeIn(sessions, bars.day[isWhole ? from : from - 1]!) + (isWhole ? 0 : 1);
  const events = eventsSince(company.actions, sessions.days[isWhole ? place : place - 1]!, adjust);
  for (let row = from; row < to; row += 1) {
    for (const end = placeIn(sessions, bars.day[row]!); place <= end; place += 1) {
      const values = place < end ? NO_BAR : prices(company, row, factors[row - from]!);
      text += `${sessions.dates[place]},${values},${events(sessions.days[place]!)}\n`;
    }
  }
  return text;
}

function prices({ bars }: Company, row: number, { split, dividend }: Factors): string {
  const factor = split * dividend;
  const [open, high, low, close] = [bars.open[row]!, bars.high[row]!, bars.low[row]!, bars.close[row]!];
  return `${open * factor},${high * factor},${low * factor},${close * factor},${bars.volume[row]! / split}`;
}

/**
 * Gives dividend and split of one session after another: what has happened since the one before. Nothing has before the
 * first bar. zipline pays a dividend on the shares of the day before and divides it by the close before, so the cash of a
 * day with a split is brought to the old shares.
 */
function eventsSince(actions: readonly Action[], since: number, adjust: Adjust): (day: number) => string {
  let next = actions.findIndex(({ day }) => day > since);
  return (day) => {
    const first = next < 0 ? undefined : actions[next];
    if (adjust === 'total_return' || first === undefined || first.day > day) return NOTHING;
    let [dividend, from, to] = [0, 1, 1];
    for (; next < actions.length && actions[next]!.day <= day; next += 1) {
      const { sharesFrom, sharesTo, cash, day: own } = actions[next]!;
      from *= sharesFrom;
      to *= sharesTo;
      if (adjust === 'split') dividend += cash * splitFactorAfter(actions, own);
      else dividend += from === to ? cash : (cash * to) / from;
    }
    return `${dividend},${adjust === 'split' ? 1 : to / from}`;
  };
}

function splitFactorAfter(actions: readonly Action[], day: number): number {
  const later = actions.filter((action) => action.day > day);
  return later.reduce((factor, { sharesFrom, sharesTo }) => (factor * sharesFrom) / sharesTo, 1);
}
