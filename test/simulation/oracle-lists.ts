import type { LakeReader } from './lake-reader.ts';
import { difference } from './oracle-bar.ts';
import { newestRows } from './oracle-histories.ts';

export type Row = Readonly<Record<string, unknown>>;
export const LISTS = ['tickers', 'assets', 'splits', 'dividends', 'index_members'] as const;
export type ListName = (typeof LISTS)[number];

/** A list as one sync can have brought it: rows by key, and how many the product must refuse. */
export interface ListVersion {
  /** Epoch ms at which its last page came. */
  at: number;
  rows: Map<string, Row>;
  refused: number;
}

interface Page {
  rows: Row[];
  next: string | undefined;
  first: string;
}

/** Columns of the snapshots and what the vendor calls them. */
const TICKER_TEXTS = [
  ...['name', 'market', 'locale', 'primary_exchange', 'type', 'currency_name', 'currency_symbol'],
  ...['base_currency_name', 'base_currency_symbol', 'cik', 'composite_figi', 'share_class_figi', 'delisted_utc'],
  'last_updated_utc',
];
const ASSET_TEXTS = ['id', 'name', 'exchange', 'status', 'cusip', 'borrow_status'];
const ASSET_FLAGS = ['tradable', 'marginable', 'shortable', 'easy_to_borrow', 'fractionable'];
const ASSET_NUMBERS = [
  ...['maintenance_margin_requirement', 'margin_requirement_long', 'margin_requirement_short'],
  ...['min_order_size', 'min_trade_increment', 'price_increment'],
];

/** What the vendors have said of their lists, page by page. */
export class Lists {
  readonly versions: Record<ListName, ListVersion[]> = {
    tickers: [],
    assets: [],
    splits: [],
    dividends: [],
    index_members: [],
  };
  /** List and path of a page → the newest answer. */
  readonly #pages = new Map<string, Page>();
  /** Of a partition the first page of the newest whole chain. */
  readonly #chains = new Map<string, Row[]>();
  /** The stored version of the members, the listed symbols among which they were looked for, and those listed at last. */
  #searched: { version: string | undefined; symbols: string[]; listed: string[] } = {
    version: undefined,
    symbols: [],
    listed: [],
  };

  hear(target: string, status: number, body: string, at: number): void {
    if (status !== 200) return;
    const { pathname, searchParams } = new URL(target, 'http://vendor');
    if (pathname === '/v3/reference/tickers') this.#page('tickers', searchParams, body, at);
    else if (/\/splits$/.test(pathname)) this.#page('splits', searchParams, body, at);
    else if (/\/dividends$/.test(pathname)) this.#page('dividends', searchParams, body, at);
    else if (pathname === '/v2/assets') {
      const rows = parsed(body);
      if (Array.isArray(rows)) this.versions.assets.push({ at, ...assetsOf(rows as Row[]) });
    } else if (pathname.includes('ishares')) {
      const rows = holdingsOf(body);
      if (rows) this.versions.index_members.push({ at, rows, refused: 0 });
    }
  }

  #page(list: keyof typeof PAGED, query: URLSearchParams, body: string, at: number): void {
    const json = parsed(body) as { results?: Row[]; next_url?: string } | undefined;
    if (!Array.isArray(json?.results)) return;
    const next = json.next_url === undefined ? undefined : new URL(json.next_url, 'http://vendor');
    const name = (asked: URLSearchParams) => `${list} ${asked.get('cursor') ?? `first ${asked.get('market') ?? ''}`}`;
    const own = name(query);
    const before = [...this.#pages.values()].find((page) => page.next === own);
    const first = query.has('cursor') ? (before?.first ?? own) : own;
    this.#pages.set(own, { rows: json.results, next: next && name(next.searchParams), first });
    if (next) return;
    const rows: Row[] = [];
    const seen = new Set<string>();
    for (let at: string | undefined = first; at !== undefined && !seen.has(at); at = this.#pages.get(at)?.next) {
      seen.add(at);
      rows.push(...(this.#pages.get(at)?.rows ?? []));
    }
    this.#chains.set(first, rows);
    const all = [...this.#chains].filter(([chain]) => chain.startsWith(list)).flatMap(([, chain]) => chain);
    this.versions[list].push({ at, ...PAGED[list](all) });
  }

  /** Place of the newest version that the stored list is; undefined when it is none; -1 when nothing is stored. */
  async stored(
    lake: LakeReader,
    list: ListName,
    disturbed: boolean,
  ): Promise<{ place: number; wrong?: string | undefined }> {
    if (lake.keys(`reference/${list}/date=`).length === 0) return { place: -1 };
    const rows = new Map((await newestRows(lake, list)).map((row) => [keyIn(list, row), plainRow(list, row)]));
    const find = finderOf(list === 'index_members' ? await this.#symbolsSearched(lake, disturbed) : []);
    const wrongOf = ({ rows: said }: ListVersion) =>
      list === 'index_members' ? otherMembers(said, rows, find) : difference(said, rows, sameRow);
    const place = this.versions[list].findLastIndex((version) => wrongOf(version) === undefined);
    if (place >= 0) return { place, wrong: this.#unlikeQuarantine(lake, list, wrongOf) };
    const newest = this.versions[list].at(-1);
    return { place, wrong: newest ? wrongOf(newest) : 'nothing was ever said' };
  }

  /**
   * Members are looked for in the table of tickers. One whose sync broke off in the same run, after its list was written,
   * was not whole: then only what was listed before, too, is certain to have been found.
   */
  async #symbolsSearched(lake: LakeReader, disturbed: boolean): Promise<string[]> {
    const key = lake.keys('reference/index_members/date=').at(-1)!;
    const version = `${key} ${lake.version(key)}`;
    const listed = (await newestRows(lake, 'tickers')).map(({ symbol }) => String(symbol));
    const { symbols, listed: before, version: old } = this.#searched;
    const certain = disturbed ? listed.filter((symbol) => before.includes(symbol)) : listed;
    this.#searched = { version, symbols: version === old ? symbols : certain, listed };
    return this.#searched.symbols;
  }

  /** No list loses a third of its rows in a day, unless a person says so. Of splits old ones go out of reach by themselves. */
  checkLoss(list: ListName, before: number, after: number): string[] {
    const [old, fresh] = [this.versions[list][before]?.rows, this.versions[list][after]?.rows];
    if (!old || !fresh || old.size < 20 || list === 'splits' || list === 'dividends') return [];
    const gone = [...old.keys()].filter((key) => !fresh.has(key)).length;
    return gone > old.size / 3 ? [`the list of ${list} has lost ${gone} of ${old.size} rows`] : [];
  }

  /** Refused rows are in the quarantine of the list's day: what is stored and what is there is what came. */
  #unlikeQuarantine(
    lake: LakeReader,
    list: ListName,
    wrongOf: (version: ListVersion) => string | undefined,
  ): string | undefined {
    if (list === 'index_members') return undefined;
    const date = /date=([0-9-]+)/.exec(lake.keys(`reference/${list}/date=`).at(-1)!)![1]!;
    const lines = (lake.text(`quarantine/date=${date}.jsonl`) ?? '').split('\n').filter(Boolean);
    const kept = lines.filter((line) => (JSON.parse(line) as { dataset: string }).dataset === list).length;
    const same = this.versions[list].filter((version) => wrongOf(version) === undefined);
    if (same.some(({ refused }) => refused === kept)) return undefined;
    return `${same.at(-1)!.refused} rows were to be refused, ${kept} are in the quarantine of ${date}`;
  }
}

/** What a spelling without its dot stands for in a list: this very name, else a class share. */
function finderOf(symbols: readonly string[]): (spelling: string) => string | undefined {
  const classShares = new Map<string, string>();
  for (const symbol of symbols)
    if (/^[A-Za-z]+\.[A-TV-Z]$/.test(symbol)) classShares.set(symbol.replace('.', ''), symbol);
  const names = new Set(symbols);
  return (spelling) => (names.has(spelling) ? spelling : classShares.get(spelling));
}

/** Members that no row stands for, and rows of listed symbols that are no members. */
function otherMembers(
  said: ReadonlyMap<string, Row>,
  stored: ReadonlyMap<string, Row>,
  find: (spelling: string) => string | undefined,
): string | undefined {
  const bare = new Set([...said.keys()].map((spelling) => spelling.replaceAll('.', '')));
  const invented = [...stored.keys()].filter((symbol) => !bare.has(symbol.replaceAll('.', '')));
  const lost = [...said.keys()].map(find).filter((symbol) => symbol !== undefined && !stored.has(symbol));
  if (invented.length + lost.length === 0) return undefined;
  return `members that the fund does not name: ${invented.join(', ')}; lost: ${lost.join(', ')}`;
}

export function sameRow(a: Row, b: Row): boolean {
  const names = new Set([...Object.keys(a), ...Object.keys(b)]);
  for (const name of names) if ((a[name] ?? null) !== (b[name] ?? null)) return false;
  return true;
}

function keyIn(list: ListName, row: Row): string {
  if (list === 'dividends')
    return `${row.symbol} ${row.ex_date} ${row.distribution_type} ${row.cash_amount} ${row.currency}`;
  if (list !== 'splits') return String(row.symbol);
  return `${row.symbol} ${row.execution_date} ${row.split_from}:${row.split_to}`;
}

function plainRow(list: ListName, row: Row): Row {
  if (list === 'index_members') return { symbol: row.symbol };
  return Object.fromEntries(Object.entries(row).map(([name, value]) => [name, value === '' ? null : value]));
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isSymbol(value: unknown): value is string {
  return (
    typeof value === 'string' && value.length > 0 && value.length <= 32 && !/\s/.test(value) && !/^\d+$/.test(value)
  );
}

const isText = (value: unknown) => value === undefined || value === null || typeof value === 'string';
const isFlag = (value: unknown) => value === undefined || value === null || typeof value === 'boolean';

function collect(rows: readonly Row[], isGood: (row: Row) => boolean, keyed: (row: Row) => [string, Row]) {
  const found = new Map<string, Row>();
  let refused = 0;
  for (const row of rows) {
    const [key, kept] = isGood(row) ? keyed(row) : ['', row];
    if (key === '' || found.has(key)) refused += 1;
    else found.set(key, kept);
  }
  return { rows: found, refused };
}

function tickersOf(rows: readonly Row[]) {
  const isGood = (row: Row) =>
    isSymbol(row.ticker) &&
    TICKER_TEXTS.every((name) => isText(row[name])) &&
    Boolean(row.market) &&
    isFlag(row.active);
  return collect(rows, isGood, (row) => {
    const texts = TICKER_TEXTS.map((name) => [name, row[name] || null]);
    return [String(row.ticker), { symbol: row.ticker, active: row.active ?? null, ...Object.fromEntries(texts) }];
  });
}

function assetsOf(rows: readonly Row[]) {
  const isGood = (row: Row) =>
    isSymbol(row.symbol) &&
    ASSET_TEXTS.every((name) => isText(row[name])) &&
    ASSET_FLAGS.every((name) => isFlag(row[name])) &&
    typeof row.id === 'string' &&
    typeof row.class === 'string' &&
    typeof row.status === 'string' &&
    row.status !== '' &&
    typeof row.tradable === 'boolean';
  return collect(rows, isGood, (row) => {
    const texts = ASSET_TEXTS.map((name) => [name, row[name] || null]);
    const flags = ASSET_FLAGS.map((name) => [name, row[name] ?? null]);
    const numbers = ASSET_NUMBERS.map((name) => [name, row[name] === undefined ? null : Number(row[name])]);
    const attributes = Array.isArray(row.attributes) ? [...row.attributes].sort().join(',') || null : null;
    const more = { symbol: row.symbol, asset_class: row.class, attributes };
    return [String(row.symbol), { ...Object.fromEntries([...texts, ...flags, ...numbers]), ...more }];
  });
}

function splitsOf(rows: readonly Row[]) {
  const isGood = ({ ticker, execution_date, split_from, split_to }: Row) =>
    isSymbol(ticker) &&
    /^\d{4}-\d\d-\d\d$/.test(String(execution_date)) &&
    [split_from, split_to].every((shares) => typeof shares === 'number' && shares > 0) &&
    split_from !== split_to;
  const first = collect(rows, isGood, (row) => {
    const { ticker: symbol, execution_date, split_from, split_to } = row;
    const { adjustment_type = null, historical_adjustment_factor = null } = row;
    const kept = { symbol, execution_date, split_from, split_to, adjustment_type, historical_adjustment_factor };
    return [keyIn('splits', kept), kept];
  });
  // One split that is listed for two days lies on the later; one ratio in two ways on one day is one split.
  const all = [...first.rows].sort(([a], [b]) => (a < b ? -1 : 1));
  const kept = all.filter(([key, row]) => {
    return !all.some(([other, { symbol, execution_date, split_from, split_to }]) => {
      if (other === key || symbol !== row.symbol) return false;
      const days = (Date.parse(String(execution_date)) - Date.parse(String(row.execution_date))) / 86_400_000;
      const ratio = (Number(split_from) / Number(split_to)) * (Number(row.split_to) / Number(row.split_from));
      const isBefore = [...first.rows.keys()].indexOf(other) < [...first.rows.keys()].indexOf(key);
      return Math.abs(ratio - 1) < 1e-9 && ((days > 0 && days <= 10) || (days === 0 && isBefore));
    });
  });
  return { rows: new Map(kept), refused: first.refused + all.length - kept.length };
}

const DAYS = ['record_date', 'pay_date', 'declaration_date'];

function dividendsOf(rows: readonly Row[]) {
  const isDay = (value: unknown) => /^\d{4}-\d\d-\d\d$/.test(String(value));
  const isGood = (row: Row) =>
    isSymbol(row.ticker) &&
    isDay(row.ex_dividend_date) &&
    DAYS.every((name) => row[name] === undefined || isDay(row[name])) &&
    isText(row.currency) &&
    isText(row.distribution_type) &&
    typeof row.cash_amount === 'number' &&
    row.cash_amount > 0;
  return collect(rows, isGood, (row) => {
    const { ticker: symbol, ex_dividend_date: ex_date, cash_amount, currency, distribution_type } = row;
    const days = Object.fromEntries(DAYS.map((name) => [name, row[name] ?? null]));
    const { frequency = null, historical_adjustment_factor = null } = row;
    const more = { ...days, frequency, historical_adjustment_factor };
    const kept = { symbol, ex_date, cash_amount, currency, distribution_type, ...more };
    return [keyIn('dividends', kept), kept];
  });
}

/** Lists that come in pages: what is good of their rows. */
const PAGED = { tickers: tickersOf, splits: splitsOf, dividends: dividendsOf };

/** The shares in a fund's table, in the file's own spelling. */
function holdingsOf(body: string): Map<string, Row> | undefined {
  const lines = body
    .split('\n')
    .map((line) => [...line.matchAll(/"([^"]*)"|([^,]+)/g)].map((cell) => cell[1] ?? cell[2]!));
  const head = lines.findIndex(([first]) => first === 'Ticker');
  if (head < 0) return undefined;
  const names = lines[head]!;
  const rows = lines.slice(head + 1).filter((line) => line.length === names.length);
  const found = new Map<string, Row>();
  for (const cells of rows) {
    const row = Object.fromEntries(names.map((name, place) => [name.trim(), cells[place]!.trim()]));
    const { Ticker: ticker = '', Exchange: exchange = '' } = row;
    if (row['Asset Class'] !== 'Equity' || ticker === '-' || exchange === '-') continue;
    if (/no market|unlisted|non-nms/i.test(exchange) || !(Number(row.Price?.replaceAll(',', '')) > 0)) continue;
    found.set(ticker, { symbol: ticker });
  }
  return found;
}
