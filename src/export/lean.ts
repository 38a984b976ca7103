import { crc32 } from 'node:zlib';
import { previousSession } from '../calendar/calendar.ts';
import { dateOf, readDay } from '../calendar/dates.ts';
import { NamedError } from '../errors.ts';
import type { BacktestFormat, Making } from './format.ts';
import { type Company, factorsBackwards, placeIn } from './series.ts';

const ROOT = 'equity/usa';
/** What LEAN takes for "still". */
const FOR_EVER = '20501231';
const SIGNATURE = 0x04034b50;
const HEADER_BYTES = 30;
const VERSION = 20;
/** Prices are whole numbers of these. */
const DECI_CENTS = 10_000;

/**
 * LEAN's data folder: `daily/symbol.zip` has the bars as traded of whichever companies carried the symbol; each company
 * has a map file, which says when it did, and a factor file with its splits and dividends.
 */
export const lean: BacktestFormat = {
  name: 'lean',
  version: 1,
  adjusts: ['none'],
  onlyAdjusts: 'LEAN adjusts bars itself, by the factor files that lie beside them',
  nameOf(symbol) {
    if (/[a-z]/.test(symbol)) return { reason: 'LEAN has capital letters only in a ticker' };
    if (!/^[A-Z0-9]+(\.[A-Z]+)*$/.test(symbol)) return { reason: 'LEAN has letters, digits and dot only in a ticker' };
    return { name: symbol };
  },
  spanOf: (company) => ({
    name: nameOf(company),
    first: company.bars.day[company.from]!,
    last: company.bars.day[company.to - 1]!,
  }),
  bars: (company, from, making) =>
    new Map([[`${ROOT}/daily/${company.symbol.toLowerCase()}.zip`, Buffer.from(lines(company, from, making))]]),
  others: (company) =>
    new Map([
      [`${ROOT}/map_files/${nameOf(company)}.csv`, Buffer.from(mapFile(company))],
      [`${ROOT}/factor_files/${nameOf(company)}.csv`, Buffer.from(factorFile(company))],
    ]),
  pack: (path, content) => zipOf(`${path.slice(path.lastIndexOf('/') + 1, -'.zip'.length)}.csv`, content),
  unpack: storedEntry,
  basis: ({ takeovers, actions, endedOn }, { first, last }, { sessions }) => [
    takeovers.filter((day) => day <= last),
    actions,
    endedOn,
    placeIn(sessions, last) - placeIn(sessions, first),
  ],
  shared: () => new Map(),
};

/** LEAN's files of a company that lost its symbol to another are numbered: `abc.1`. */
function nameOf({ symbol, former }: Company): string {
  return symbol.toLowerCase() + (former === 0 ? '' : `.${former}`);
}

const compact = (date: string) => date.replaceAll('-', '');

function lines({ bars, to }: Company, from: number, { sessions }: Making): string {
  const deciCents = (price: number) => Math.round(price * DECI_CENTS);
  let text = '';
  for (let row = from; row < to; row += 1) {
    const date = compact(sessions.dates[placeIn(sessions, bars.day[row]!)]!);
    const [open, high] = [deciCents(bars.open[row]!), deciCents(bars.high[row]!)];
    const [low, close] = [deciCents(bars.low[row]!), deciCents(bars.close[row]!)];
    text += `${date} 00:00,${open},${high},${low},${close},${Math.round(bars.volume[row]!)}\n`;
  }
  return text;
}

/** The first and the last day of the company under its symbol. */
function mapFile(company: Company): string {
  const { symbol, bars, from, to, isListed } = company;
  const last = isListed ? FOR_EVER : compact(dateOf(bars.day[to - 1]!));
  return `${compact(dateOf(bars.day[from]!))},${symbol.toLowerCase()}\n${last},${symbol.toLowerCase()}\n`;
}

/**
 * Date, price factor, split factor and close: the factors of every bar up to the date, which is the session before an
 * action. The first row is that of the first bar; the last one is of no bar yet.
 */
function factorFile({ bars, from, to, actions }: Company): string {
  const first = bars.day[from]!;
  const before = actions.map(({ day }) => readDay(previousSession(dateOf(day)))!).filter((day) => day >= first);
  const factorsOn = factorsBackwards(actions);
  const rows = [`${FOR_EVER},1,1,0\n`];
  let row = to - 1;
  for (const day of [...new Set([first, ...before])].sort((a, b) => b - a)) {
    while (bars.day[row]! > day) row -= 1;
    const { split, dividend } = factorsOn(day);
    rows.push(`${compact(dateOf(day))},${plain(dividend)},${plain(split)},${plain(bars.close[row]!)}\n`);
  }
  return rows.reverse().join('');
}

/** LEAN reads no exponents. */
function plain(value: number): string {
  return value.toFixed(12).replace(/\.?0+$/, '');
}

/** 1980-01-01 00:00, the first instant a zip can hold. */
const DOS_DATE = 0x21;

/**
 * A zip of one file. It is stored, not deflated: zlib's output differs between versions and processors, and the same bars
 * are to be the same bytes; and bars can be added to it without working through those before.
 */
function zipOf(name: string, content: Buffer): Buffer {
  const path = Buffer.from(name);
  const common = Buffer.alloc(26);
  common.writeUInt16LE(VERSION, 0);
  common.writeUInt16LE(DOS_DATE, 8);
  common.writeUInt32LE(crc32(content), 10);
  common.writeUInt32LE(content.length, 14);
  common.writeUInt32LE(content.length, 18);
  common.writeUInt16LE(path.length, 22);
  const signature = Buffer.alloc(4);
  signature.writeUInt32LE(SIGNATURE);
  const madeBy = Buffer.alloc(2);
  madeBy.writeUInt16LE(VERSION);
  const directory = Buffer.concat([Buffer.from('PK\x01\x02', 'latin1'), madeBy, common, Buffer.alloc(14), path]);
  const end = Buffer.alloc(22);
  end.write('PK\x05\x06', 0, 'latin1');
  end.writeUInt16LE(1, 8);
  end.writeUInt16LE(1, 10);
  end.writeUInt32LE(directory.length, 12);
  end.writeUInt32LE(HEADER_BYTES + path.length + content.length, 16);
  return Buffer.concat([signature, common, path, content, directory, end]);
}

/** The content of a zip that `zipOf` made. @throws Lake.Corrupt for another file */
function storedEntry(zip: Buffer): Buffer {
  if (zip.length < HEADER_BYTES || zip.readUInt32LE(0) !== SIGNATURE)
    throw new NamedError('Lake.Corrupt', 'a zip of the export is not what it was written as');
  const start = HEADER_BYTES + zip.readUInt16LE(26);
  return zip.subarray(start, start + zip.readUInt32LE(22));
}
