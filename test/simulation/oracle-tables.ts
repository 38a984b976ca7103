import type { LakeReader } from './lake-reader.ts';
import { type Bar, difference, type Served, sameBar } from './oracle-bar.ts';
import { bySymbol, newestRows } from './oracle-histories.ts';
import { type Row, sameRow } from './oracle-lists.ts';
import type { Stores } from './stores.ts';

type Cells = (string | null)[];

/** The rows of a statement whose first column is their key, as text. */
async function keyed(sql: Stores['sql'], statement: string): Promise<Map<string, Cells>> {
  const { rows } = await sql.query(statement, []);
  return new Map(rows.map((row) => [String(row[0]), row.slice(1) as Cells]));
}

const sameCells = (a: Cells, b: Cells) => a.every((cell, place) => (cell ?? null) === (b[place] ?? null));

/** Tables of prices: as published, and the newest session of each symbol. */
export async function checkPriceTables({ sql }: Pick<Stores, 'sql'>, served: Served): Promise<string[]> {
  const problems: string[] = [];
  const say = (what: string, wrong: string | undefined) => wrong && problems.push(`${what} ${wrong}`);
  const wanted = new Map<string, Bar>();
  for (const [date, bars] of served)
    for (const [symbol, bar] of bars) wanted.set(`${symbol} ${date}`, { ...bar, n: null });
  const stored = await keyed(
    sql,
    `SELECT symbol || ' ' || date, open::float8, high::float8, low::float8, close::float8, volume::float8, vwap::float8
     FROM stock_prices`,
  );
  const found = new Map(
    [...stored].map(([key, [o, h, l, c, v, vw]]): [string, Bar] => {
      const [open, high, low, close, volume] = [o, h, l, c, v].map(Number) as [number, number, number, number, number];
      return [key, { o: open, h: high, l: low, c: close, v: volume, vw: vw === null ? null : Number(vw), n: null }];
    }),
  );
  say('stock_prices', difference(wanted, found, sameBar));
  const newest = new Map(
    [...bySymbol(served)].map(([symbol, bars]): [string, Cells] => [symbol, [[...bars.keys()].at(-1)!]]),
  );
  const marks = await keyed(sql, "SELECT symbol, last_date::text FROM ingestion_watermarks WHERE dataset = 'prices'");
  say('ingestion_watermarks', difference(newest, marks, sameCells));
  return problems;
}

/** No watermark lies beyond the newest session that there is. */
export async function checkWatermarks({ sql }: Pick<Stores, 'sql'>, newest: string | undefined): Promise<string[]> {
  const { rows } = await sql.query('SELECT max(last_date)::text FROM ingestion_watermarks', []);
  const last = rows[0]?.[0];
  return last && (newest === undefined || String(last) > newest)
    ? [`a watermark is at ${last}, the newest session is ${newest}`]
    : [];
}

interface Tenure {
  symbol: string;
  figi: string | null;
  share: string | null;
  asset: string | null;
  from: string;
  to: string | null;
}

/** Tables of the lists against the newest list of each. */
export class ListTables {
  readonly #lake: LakeReader;
  readonly #stores: Pick<Stores, 'tables' | 'sql'>;
  /** Dataset → the history as it was found last, and the list behind it. */
  readonly #histories = new Map<string, { tenures: Tenure[]; list: string | undefined }>();

  constructor(lake: LakeReader, stores: Pick<Stores, 'tables' | 'sql'>) {
    this.#lake = lake;
    this.#stores = stores;
  }

  async checkItems(list: 'tickers' | 'assets'): Promise<string[]> {
    const rows = await newestRows(this.#lake, list);
    const wanted = new Map(rows.map((row) => [String(row.symbol), itemOf(list, row)]));
    const active = new Map<string, Row>();
    const problems: string[] = [];
    for (const item of await this.#stores.tables.items(list)) {
      const { status, firstSeenAt, updatedAt, contentHash, inactiveSince, ...values } = unmarshalled(item);
      // It moves without a change of anything that is kept.
      delete values.lastUpdatedUtc;
      const symbol = String(values.symbol);
      if (status === 'active') active.set(symbol, values);
      else if (inactiveSince === undefined) problems.push(`${list}: ${symbol} is ${status}, and not since when`);
      if (!firstSeenAt || !updatedAt || !contentHash) problems.push(`${list}: the item of ${symbol} lacks a field`);
      if (status === 'active' && inactiveSince !== undefined)
        problems.push(`${list}: ${symbol} is active and inactive`);
    }
    const wrong = difference(wanted, active, sameRow);
    return wrong ? [...problems, `the table of ${list} ${wrong}`] : problems;
  }

  async checkSplits(): Promise<string[]> {
    const rows = await newestRows(this.#lake, 'splits');
    const named = ({ symbol, execution_date, split_from, split_to }: Row) =>
      `${symbol} ${execution_date} ${Number(split_from)}:${Number(split_to)}`;
    const wanted = new Map(rows.map((row): [string, Cells] => [named(row), []]));
    const statement = `SELECT symbol || ' ' || execution_date || ' ' || split_from::float8 || ':' || split_to::float8
      FROM splits`;
    const wrong = difference(wanted, await keyed(this.#stores.sql, statement), sameCells);
    return wrong ? [`splits in the warehouse: ${wrong}`] : [];
  }

  async checkDividends(): Promise<string[]> {
    const rows = await newestRows(this.#lake, 'dividends');
    const named = (row: Row) =>
      `${row.symbol} ${row.ex_date} ${row.distribution_type} ${Number(row.cash_amount)} ${row.currency}`;
    const more = ({ record_date, pay_date, declaration_date, frequency }: Row) =>
      [record_date, pay_date, declaration_date, frequency].map(textOf);
    const wanted = new Map(rows.map((row): [string, Cells] => [named(row), more(row)]));
    const statement = `SELECT symbol || ' ' || ex_date || ' ' || distribution_type || ' ' || cash_amount::float8 || ' ' ||
      currency, record_date::text, pay_date::text, declaration_date::text, nullif(frequency, 0)::text FROM dividends`;
    const wrong = difference(wanted, await keyed(this.#stores.sql, statement), sameCells);
    return wrong ? [`dividends in the warehouse: ${wrong}`] : [];
  }

  /** Memberships as the lists of all days say. */
  async checkMembers(): Promise<string[]> {
    const wanted = new Map<string, Cells>();
    const open = new Map<string, string>();
    for (const key of this.#lake.keys('reference/index_members/date=')) {
      const date = /date=([0-9-]+)/.exec(key)![1]!;
      const symbols = new Set((await this.#lake.rows(key)).map(({ symbol }) => String(symbol)));
      for (const [symbol, from] of open) {
        if (symbols.has(symbol)) continue;
        wanted.set(`${symbol} ${from}`, [date]);
        open.delete(symbol);
      }
      for (const symbol of symbols) if (!open.has(symbol)) open.set(symbol, date);
    }
    for (const [symbol, from] of open) wanted.set(`${symbol} ${from}`, [null]);
    const statement = "SELECT symbol || ' ' || valid_from, valid_to::text FROM index_members";
    const wrong = difference(wanted, await keyed(this.#stores.sql, statement), sameCells);
    return wrong ? [`index_members in the warehouse: ${wrong}`] : [];
  }

  /**
   * Who carried which symbol: what it was before and the new list give what it is now. A history that was written while
   * something went wrong is only looked at for what it says of today.
   */
  async checkHistory(list: 'tickers' | 'assets', isUndisturbed: boolean, isGood: boolean): Promise<string[]> {
    const key = this.#lake.keys(`reference/${list}/date=`).at(-1);
    const etag = key && this.#lake.version(key);
    const known = this.#histories.get(list);
    if (isUndisturbed && known && known.list === etag) return [];
    const { rows } = await this.#stores.sql.query(
      `SELECT symbol, figi, share_class_figi, asset_id, valid_from::text, valid_to::text FROM symbol_history
       WHERE dataset = $1 ORDER BY symbol, valid_from`,
      [list],
    );
    const tenures = rows.map((row) => {
      const [symbol, figi, share, asset, from, to] = row as string[];
      return {
        symbol: symbol!,
        figi: figi ?? null,
        share: share ?? null,
        asset: asset ?? null,
        from: from!,
        to: to ?? null,
      };
    });
    this.#histories.set(list, { tenures, list: etag });
    const problems: string[] = [];
    if (key && isGood) {
      const members = await this.#lake.rows(key);
      const open = new Map(tenures.filter(({ to }) => to === null).map(({ symbol }) => [symbol, 1]));
      const wrong = difference(new Map(members.map(({ symbol }) => [String(symbol), 1])), open, () => true);
      if (wrong) problems.push(`symbol_history of ${list} today: ${wrong}`);
      const date = /date=([0-9-]+)/.exec(key)![1]!;
      if (isUndisturbed && known) {
        const wanted = told(known.tenures, members.map(list === 'tickers' ? tickerIdentity : assetIdentity), date);
        const named = (from: readonly Tenure[]) => new Map(from.map((one) => [`${one.symbol} ${one.from}`, one]));
        const other = difference(named(wanted), named(tenures), (a, b) => sameRow({ ...a }, { ...b }));
        if (other) problems.push(`symbol_history of ${list} after the list of ${date}: ${other}`);
      }
      if (list === 'tickers') problems.push(...(await this.#checkCompanies(tenures)));
    }
    for (const [place, { symbol, from, to }] of tenures.entries()) {
      const next = tenures[place + 1];
      if (to !== null && to < from) problems.push(`symbol_history of ${list}: ${symbol} ends before it begins`);
      if (next?.symbol === symbol && (to === null || to > next.from))
        problems.push(`symbol_history of ${list}: ${symbol} is two securities on ${next.from}`);
    }
    return problems;
  }

  /** The file that the jobs read says the same, and where a company begins. */
  async #checkCompanies(tenures: readonly Tenure[]): Promise<string[]> {
    const wanted = new Map<string, Cells>();
    let before: (Tenure & { company: string }) | undefined;
    for (const one of tenures) {
      const isNew = before?.symbol !== one.symbol || isOther(before, one);
      const company = isNew ? one.from : before!.company;
      const known = isNew ? one : { ...before!, ...withoutNull(one) };
      before = { ...(known as Tenure), symbol: one.symbol, company };
      wanted.set(`${one.symbol} ${one.from}`, [one.to, one.figi, company]);
    }
    const rows = await newestRows(this.#lake, 'tickers_history');
    const found = new Map(
      rows.map(({ symbol, valid_from, valid_to, figi, company_from }): [string, Cells] => [
        `${symbol} ${valid_from}`,
        [valid_to, figi, company_from] as Cells,
      ]),
    );
    const wrong = difference(wanted, found, sameCells);
    return wrong ? [`the file of who carried which symbol: ${wrong}`] : [];
  }
}

type Identity = Pick<Tenure, 'symbol' | 'figi' | 'share' | 'asset'>;
const KINDS = ['figi', 'share', 'asset'] as const;

function tickerIdentity({ symbol, composite_figi, share_class_figi }: Row): Identity {
  return { symbol: String(symbol), figi: textOf(composite_figi), share: textOf(share_class_figi), asset: null };
}

function assetIdentity({ symbol, id }: Row): Identity {
  return { symbol: String(symbol), figi: null, share: null, asset: textOf(id) };
}

function textOf(value: unknown): string | null {
  return value ? String(value) : null;
}

function isOther(a: Identity, b: Identity): boolean {
  const both = KINDS.filter((kind) => a[kind] !== null && b[kind] !== null);
  return both.length > 0 && both.every((kind) => a[kind] !== b[kind]);
}

function withoutNull(row: object): object {
  return Object.fromEntries(Object.entries(row).filter(([, value]) => value !== null));
}

/** What a list of a day makes of a history. */
function told(before: readonly Tenure[], list: readonly Identity[], day: string): Tenure[] {
  const date = before.reduce((newest, { from, to }) => [newest, from, to ?? ''].sort().at(-1)!, day);
  const now = new Map(list.map((one) => [one.symbol, one]));
  const last = new Map(before.map((one) => [one.symbol, one]));
  const after = new Map(before.map((one) => [`${one.symbol} ${one.from}`, one]));
  const put = (one: Tenure) => after.set(`${one.symbol} ${one.from}`, one);
  for (const [symbol, one] of last) {
    const next = now.get(symbol);
    if (one.to === null && (!next || isOther(one, next))) put({ ...one, to: date });
  }
  for (const one of list) {
    const own = last.get(one.symbol);
    const isSame = own !== undefined && !isOther(own, one);
    if (isSame && own.to === null) put({ ...own, ...withoutNull(one) } as Tenure);
    // Gone and back on one day was never away.
    else if (isSame && own.to === date) put({ ...own, ...withoutNull(one), to: null } as Tenure);
    else put({ ...one, from: date, to: null });
  }
  return [...after.values()];
}

/** A row of a snapshot as an item has it: names in camel case, nothing without a value. */
function itemOf(list: 'tickers' | 'assets', row: Row): Row {
  const left = new Set(['last_updated_utc', ...(list === 'assets' ? ['status'] : [])]);
  const entries = Object.entries(row).filter(([name, value]) => value !== null && value !== '' && !left.has(name));
  const camel = (name: string) => name.replace(/_([a-z])/g, (_all, letter: string) => letter.toUpperCase());
  return Object.fromEntries(entries.map(([name, value]) => [camel(name), value]));
}

/** An item of DynamoDB as plain values; a list of texts as one. */
function unmarshalled(item: Record<string, unknown>): Record<string, unknown> {
  const plain = (value: Record<string, unknown>): unknown => {
    const [kind, content] = Object.entries(value)[0]!;
    if (kind === 'N') return Number(content);
    if (kind === 'L') return (content as Record<string, unknown>[]).map(plain).join(',') || undefined;
    return kind === 'NULL' ? undefined : content;
  };
  return Object.fromEntries(
    Object.entries(item).map(([name, value]) => [name, plain(value as Record<string, unknown>)]),
  );
}
