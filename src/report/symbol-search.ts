import { dateOf } from '../calendar/dates.ts';
import { isNamed } from '../errors.ts';
import { readManifest } from '../jobs/consolidate/consolidation-state.ts';
import { historyKeys } from '../lake/histories.ts';
import { keys, type Lake, listAll } from '../lake/lake.ts';
import { decodeRows } from '../lake/parquet.ts';
import { nearestName } from '../text.ts';
import { newestFile } from './remembered.ts';

export interface ListedSymbol {
  symbol: string;
  /** The company's, where the vendor's list has one. */
  name: string;
}

/** Every symbol with a history in the lake. */
export interface SymbolListing {
  symbols: readonly ListedSymbol[];
  bySymbol: ReadonlyMap<string, ListedSymbol>;
  /** The last session that is consolidated, YYYY-MM-DD. */
  newest: string | undefined;
}

const TICKERS = 'reference/tickers/date=';

/** A text that changes when readListing would answer otherwise. */
export async function listingVersion(lake: Lake): Promise<string> {
  const [[manifest], tickers] = await Promise.all([listAll(lake, keys.manifest), newestFile(lake, TICKERS)]);
  return `${manifest?.etag} ${tickers?.key} ${tickers?.etag}`;
}

export async function readListing(lake: Lake): Promise<SymbolListing> {
  const [manifest, names] = await Promise.all([readManifest(lake), companyNames(lake)]);
  // The manifest is one file where the folders are thousands; a lake that somebody brought may lack it.
  const found = manifest ? [...manifest.keys()] : [...(await historyKeys(lake)).keys()];
  const symbols = found.sort().map((symbol) => ({ symbol, name: names.get(symbol) ?? '' }));
  let last = Number.NEGATIVE_INFINITY;
  for (const { lastDay } of manifest?.values() ?? []) if (lastDay > last) last = lastDay;
  return {
    symbols,
    bySymbol: new Map(symbols.map((one) => [one.symbol, one])),
    newest: Number.isFinite(last) ? dateOf(last) : undefined,
  };
}

/** Symbols are found without names, too: a damaged list is `verify`'s to report. */
async function companyNames(lake: Lake): Promise<Map<string, string>> {
  const newest = await newestFile(lake, TICKERS);
  const bytes = newest && (await lake.read(newest.key));
  if (!bytes) return new Map();
  const rows = await decodeRows(bytes, newest.key, ['symbol']).catch((error: Error) => {
    if (isNamed(error, 'Lake.Corrupt')) return [];
    throw error;
  });
  return new Map(rows.map(({ symbol, name }) => [String(symbol), typeof name === 'string' ? name : '']));
}

/** The symbol itself, or the only one that differs from the text in case alone. Pure. */
export function symbolNamed({ symbols, bySymbol }: SymbolListing, text: string): string | undefined {
  if (bySymbol.has(text)) return text;
  const wanted = text.toLowerCase();
  const alike = symbols.filter(({ symbol }) => symbol.toLowerCase() === wanted);
  return alike.length === 1 ? alike[0]!.symbol : undefined;
}

/**
 * Symbols that somebody who typed `text` may mean, the likeliest first: by symbol in any case and with or without its
 * dots, then by the words of the company's name; the nearest spellings when there is none. Pure.
 */
export function searchSymbols({ symbols }: SymbolListing, text: string, most = 12): ListedSymbol[] {
  const wanted = text.trim().toLowerCase();
  if (wanted === '') return [];
  const found: { one: ListedSymbol; rank: number }[] = [];
  for (const one of symbols) {
    const rank = one.symbol === text.trim() ? 0 : rankOf(one, wanted);
    if (rank !== undefined) found.push({ one, rank });
  }
  found.sort(
    (a, b) =>
      a.rank - b.rank ||
      a.one.symbol.length - b.one.symbol.length ||
      (a.one.symbol < b.one.symbol ? -1 : a.one.symbol > b.one.symbol ? 1 : 0),
  );
  return found.length > 0 ? found.slice(0, most).map(({ one }) => one) : nearSymbols(symbols, wanted);
}

function rankOf({ symbol, name }: ListedSymbol, wanted: string): number | undefined {
  const own = symbol.toLowerCase();
  if (own === wanted) return 1;
  if (own.startsWith(wanted)) return 2;
  const bare = wanted.replace(/[^\p{L}\p{N}]/gu, '');
  if (bare !== '' && own.replace(/[^\p{L}\p{N}]/gu, '').startsWith(bare)) return 3;
  const words = name.toLowerCase();
  if (words.startsWith(wanted)) return 4;
  if (words.includes(` ${wanted}`)) return 5;
  if (own.includes(wanted)) return 6;
  return wanted.length > 2 && words.includes(wanted) ? 7 : undefined;
}

const NEAR = 5;

/** The nearest spellings. Pure. */
function nearSymbols(symbols: readonly ListedSymbol[], text: string): ListedSymbol[] {
  const left = new Map(symbols.map((one) => [one.symbol, one]));
  const found: ListedSymbol[] = [];
  while (found.length < NEAR) {
    const nearest = nearestName(text, left.keys());
    if (nearest === undefined) return found;
    found.push(left.get(nearest)!);
    left.delete(nearest);
  }
  return found;
}
