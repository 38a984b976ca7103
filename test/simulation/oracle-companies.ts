import type { Lists } from './oracle-lists.ts';
import type { Stores } from './stores.ts';

/** What was said of a company, and who had its symbol by the newest list there was. */
interface Valuation {
  figi: string | null;
  dcf: number;
  date: string;
}

/** Company data and valuations: of the right company, and as they were said. */
export class Companies {
  readonly #lists: Lists;
  readonly #valuations = new Map<string, Valuation[]>();

  constructor(lists: Lists) {
    this.#lists = lists;
  }

  hear(target: string, status: number, body: string): void {
    const { pathname, searchParams } = new URL(target, 'http://vendor');
    if (status !== 200) return;
    const rows = pathname === '/stable/dcf-bulk' ? tableOf(body) : [];
    if (pathname === '/stable/discounted-cash-flow')
      for (const row of rowsOf(body)) rows.push({ ...row, symbol: searchParams.get('symbol') ?? '' });
    for (const { symbol: theirs, dcf, date } of rows) {
      const symbol = bare(String(theirs));
      const said = { figi: this.#figiOf(symbol), dcf: Number(dcf), date: String(date) };
      this.#valuations.set(symbol, [...(this.#valuations.get(symbol) ?? []), said]);
    }
  }

  #figiOf(symbol: string): string | null {
    const rows = this.#lists.versions.tickers.at(-1)?.rows;
    for (const [name, row] of rows ?? [])
      if (bare(name) === symbol) return (row.composite_figi as string | null) ?? null;
    return null;
  }

  /** @param isListStored the newest list of tickers is the one that is served */
  async check({ sql }: Pick<Stores, 'sql'>, isListStored: boolean): Promise<string[]> {
    const problems: string[] = [];
    const { rows: companies } = await sql.query(
      `SELECT m.symbol, m.name, m.figi, m.valid_from::text, h.figi, h.valid_from::text FROM symbol_metadata m
       LEFT JOIN symbol_history h ON h.dataset = 'tickers' AND h.symbol = m.symbol AND h.valid_to IS NULL`,
      [],
    );
    for (const [symbol, name, figi, , holder, since] of companies) {
      const isSaid = this.#lists.versions.tickers.some(({ rows }) => {
        const row = rows.get(String(symbol));
        return row?.name === name && (figi === null || row?.composite_figi === figi);
      });
      if (!isSaid) problems.push(`symbol_metadata: ${symbol} is said to be ${name} (${figi}), nobody said so`);
      if (since !== null && figi !== null && holder !== null && figi !== holder)
        problems.push(`symbol_metadata: ${symbol} has what was known of ${figi}, ${holder} carries it now`);
    }
    if (!isListStored) return problems;
    const { rows: valuations } = await sql.query(
      'SELECT symbol, dcf::float8, date::text, figi FROM dcf_valuations',
      [],
    );
    for (const [symbol, dcf, date, figi] of valuations) {
      const said = this.#valuations.get(bare(String(symbol))) ?? [];
      const found = said.filter((one) => one.date === date && Math.abs(one.dcf / Number(dcf) - 1) < 1e-9);
      if (found.length === 0) problems.push(`dcf_valuations: nobody said ${dcf} of ${symbol} on ${date}`);
      else if (figi !== null && !found.some((one) => one.figi === null || one.figi === figi))
        problems.push(
          `dcf_valuations: ${symbol} has the valuation of another company (${found[0]!.figi}, not ${figi})`,
        );
    }
    return problems;
  }
}

/** The vendors write classes, preferreds and warrants each in their own way. */
function bare(symbol: string): string {
  return symbol.replace('-WT', 'WS').replace('-UN', 'U').replace(/[-.]/g, '').toUpperCase();
}

function rowsOf(body: string): Record<string, unknown>[] {
  try {
    const rows = JSON.parse(body) as unknown;
    return Array.isArray(rows) ? rows : [];
  } catch {
    return [];
  }
}

/** Rows of a bulk answer: a table whose every line is ended, or it says nothing at all. */
function tableOf(body: string): Record<string, unknown>[] {
  if (!body.endsWith('\n')) return [];
  const [head = [], ...lines] = body
    .trimEnd()
    .split('\n')
    .map((line) => [...line.matchAll(/"([^"]*)"|([^,]+)/g)].map((cell) => cell[1] ?? cell[2]!));
  return lines.map((cells) => Object.fromEntries(head.map((name, place) => [name, cells[place]])));
}
