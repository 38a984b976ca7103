/** Everything one night knows of which symbols there are, by list; a list nobody fetched is undefined. */
export interface Lists {
  /** Polygon's active listings. */
  polygon?: ReadonlyMap<string, { market: string | null; type: string | null }>;
  /** Alpaca's active assets, under Alpaca's own spelling. */
  alpaca?: ReadonlyMap<string, { exchange: string | null; tradable: boolean | null }>;
  /** Members of the index. */
  index?: ReadonlySet<string>;
  /** Symbols with a bar on the session; undefined while it is not published. */
  bars?: ReadonlySet<string>;
  /** Rows that were refused, by symbol. */
  refused: ReadonlyMap<string, RefusedRow>;
  /** Symbols Polygon listed once, with the day it no longer did. */
  gone: ReadonlyMap<string, string>;
}

export interface RefusedRow {
  dataset: string;
  reason: string;
}

/** One way in which a symbol differs between the lists. */
export interface Difference {
  /** The same for every symbol that differs so. */
  kind: string;
  /** Since when, where the kind has a day. */
  day?: string;
  /** The symbol's own: what is wrong with its row. */
  detail?: string;
}

/** One symbol in the lists; null where a list is unknown, `reason` null when nothing differs. */
export interface Reconciled {
  symbol: string;
  polygon: boolean | null;
  alpaca: boolean | null;
  index: boolean | null;
  bars: boolean | null;
  reason: string | null;
  /** What `reason` says, one by one. */
  differences: Difference[];
}

/** Pure: every symbol that stands in any list, by symbol, with a reason for each difference. */
export function reconcile(lists: Lists): Reconciled[] {
  const alpaca = lists.alpaca && renamed(lists.alpaca, lists.polygon);
  const known = { ...lists, alpaca };
  const symbols = new Set(
    [lists.polygon, alpaca, lists.index, lists.bars, lists.refused].flatMap((list) => [...(list?.keys() ?? [])]),
  );
  return [...symbols].sort().map((symbol) => {
    const row = {
      symbol,
      polygon: lists.polygon ? lists.polygon.has(symbol) : null,
      alpaca: alpaca ? alpaca.has(symbol) : null,
      index: lists.index ? lists.index.has(symbol) : null,
      bars: lists.bars ? lists.bars.has(symbol) : null,
    };
    const differences = differencesOf(row, known);
    return { ...row, reason: differences.map(differenceText).join('; ') || null, differences };
  });
}

function differenceText({ kind, day, detail }: Difference): string {
  return `${kind}${day === undefined ? '' : ` ${day}`}${detail === undefined ? '' : `: ${detail}`}`;
}

/**
 * What the reasons come to: how many symbols have none, and how many each reason, the commonest first. Reasons that
 * differ in nothing but their day are one, with the first and the last day.
 */
export function countReasons(rows: readonly Pick<Reconciled, 'differences'>[]): {
  alike: number;
  reasons: [reason: string, symbols: number][];
} {
  const kinds = new Map<string, string[]>();
  let alike = 0;
  for (const { differences } of rows) {
    if (differences.length === 0) alike += 1;
    for (const { kind, day = '' } of differences) {
      const days = kinds.get(kind);
      if (days) days.push(day);
      else kinds.set(kind, [day]);
    }
  }
  const reasons = [...kinds].map(([kind, days]): [string, number] => [kind + spanOf(days.sort()), days.length]);
  return { alike, reasons: reasons.sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1)) };
}

/** @param days in order; '' for none */
function spanOf(days: readonly string[]): string {
  const [first, last] = [days[0], days.at(-1)];
  if (!first) return '';
  return first === last ? ` ${first}` : ` ${first} to ${last}`;
}

/** Alpaca's `KIM.PRL`, `ABC.RT` and `ABC.WI` are Polygon's `KIMpL`, `ABCr` and `ABCw`. */
const SPELLINGS: readonly (readonly [alpaca: RegExp, polygon: string])[] = [
  [/^([A-Z]+)\.PR([A-Z])$/, '$1p$2'],
  [/^([A-Z]+)\.PR$/, '$1p'],
  [/^([A-Z]+)\.RT$/, '$1r'],
  [/^([A-Z]+)\.WI$/, '$1w'],
];

/** Only where Polygon really lists the other spelling: a guess would merge two securities. */
function renamed<T>(alpaca: ReadonlyMap<string, T>, polygon: Lists['polygon']): Map<string, T> {
  return new Map(
    [...alpaca].map(([symbol, asset]) => {
      if (polygon && !polygon.has(symbol)) {
        for (const [form, replacement] of SPELLINGS) {
          const other = symbol.replace(form, replacement);
          if (other !== symbol && polygon.has(other) && !alpaca.has(other)) return [other, asset];
        }
      }
      return [symbol, asset];
    }),
  );
}

type Row = Omit<Reconciled, 'reason' | 'differences'>;

function differencesOf(row: Row, lists: Lists): Difference[] {
  const { symbol } = row;
  const refused = lists.refused.get(symbol);
  const found: Difference[] = [];
  const add = (kind: string) => void found.push({ kind });
  if (row.polygon === false && row.bars) found.push(unlisted(symbol, lists));
  if (row.polygon && row.bars === false && refused?.dataset !== 'prices') add(untraded(symbol, lists));
  if (row.polygon && row.alpaca === false) add(unknownAtAlpaca(symbol, lists));
  if (row.polygon === false && row.alpaca) found.push(onlyAtAlpaca(symbol, lists));
  if (row.index && row.polygon === false) add('index member without a listing at Polygon');
  if (row.index && row.bars === false) add('index member without a bar');
  if (refused !== undefined) found.push({ kind: `${refused.dataset} row refused`, detail: refused.reason });
  return found;
}

/** Symbols the exchanges keep for trying their systems. */
const TEST_SYMBOL = /^(Z[A-Z]ZZT|ZVV|ZBZX|ZIEXT|ZEXIT|ZXIET|[A-Z]?TEST([A-Z]|\.[A-Z]+)?)$/;

function unlisted(symbol: string, { gone }: Lists): Difference {
  const since = gone.get(symbol);
  if (since !== undefined) return { kind: 'bar of a symbol inactive at Polygon since', day: since };
  if (TEST_SYMBOL.test(symbol)) return { kind: 'bar without listing: test symbol' };
  if (/^[A-Z]+w$|\.W[ID]$/.test(symbol)) return { kind: 'bar without listing: when-issued' };
  if (/^[A-Z]+r$|\.RT$/.test(symbol)) return { kind: 'bar without listing: rights' };
  return { kind: 'bar without listing at Polygon' };
}

function untraded(symbol: string, { polygon }: Lists): string {
  const market = polygon?.get(symbol)?.market ?? 'stocks';
  if (market === 'stocks') return 'listed but did not trade today';
  return market === 'otc' ? 'OTC: did not trade today' : `${market}: has no stock bars`;
}

const KINDS: Readonly<Record<string, string>> = { PFD: 'preferred', WARRANT: 'warrant', UNIT: 'unit', RIGHT: 'rights' };

function unknownAtAlpaca(symbol: string, { polygon }: Lists): string {
  const { market, type } = polygon!.get(symbol)!;
  if (market === 'otc') return 'OTC: not at Alpaca';
  if (market !== null && market !== 'stocks') return `${market}: not at Alpaca`;
  const kind = KINDS[type ?? ''];
  return kind ? `${kind}: not at Alpaca` : 'not at Alpaca';
}

function onlyAtAlpaca(symbol: string, { alpaca, gone }: Lists): Difference {
  const since = gone.get(symbol);
  if (since !== undefined) return { kind: 'at Alpaca, inactive at Polygon since', day: since };
  const { tradable, exchange } = alpaca!.get(symbol)!;
  if (tradable === false) return { kind: 'at Alpaca only: not tradable there' };
  return { kind: exchange === 'OTC' ? 'at Alpaca only: OTC' : 'at Alpaca only' };
}
