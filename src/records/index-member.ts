import type { Parsed, Rejected } from './record.ts';
import { checkSymbol } from './symbol.ts';

/** One member of an index. Membership is what counts; the day and the weight of each file are said beside it. */
export interface IndexMember {
  symbol: string;
  index: string;
  /** The day the fund's holdings are of, YYYY-MM-DD. */
  holdingsOf: string;
  /** Percent of the fund. */
  weight?: number;
}

/** `besides` are rows that are no listed shares by the file's own words: cash, futures, escrows, rights. */
export interface ParsedMembers extends Parsed<IndexMember> {
  excluded: Rejected[];
}

const UNLISTED = /no market|unlisted|non-nms|\botc\b|pink/i;

/**
 * The members among a fund's holdings. A ticker counts only when the reference list knows it; one that it does not
 * know, or that could be several, is rejected with the reason. Every row is in one of the three lists.
 * @param find what a spelling stands for in the reference list
 */
export function parseIndexMembers(
  rows: readonly Record<string, string>[],
  about: { index: string; asOf: string },
  find: (spelling: string) => Resolved,
): ParsedMembers {
  const out: ParsedMembers = { records: [], rejected: [], excluded: [] };
  const seen = new Set<string>();
  for (const row of rows) {
    const ticker = row.Ticker ?? '';
    const outside = whyNoShare(row);
    if (outside !== undefined) {
      out.excluded.push({ symbol: ticker, reason: outside, row });
      continue;
    }
    const resolved = find(ticker);
    const wrong = checkSymbol(ticker.replaceAll(' ', '')) ?? ('reason' in resolved ? resolved.reason : undefined);
    const symbol = 'symbol' in resolved ? resolved.symbol : '';
    const reason = wrong ?? (seen.has(symbol) ? 'duplicate row' : undefined);
    if (reason !== undefined) {
      out.rejected.push({ symbol: ticker, reason, row });
      continue;
    }
    seen.add(symbol);
    const weight = numberIn(row['Weight (%)']);
    out.records.push({
      symbol,
      index: about.index,
      holdingsOf: about.asOf,
      ...(weight === undefined ? {} : { weight }),
    });
  }
  return out;
}

function whyNoShare(row: Record<string, string>): string | undefined {
  const { Ticker: ticker = '', Exchange: exchange = '' } = row;
  if (row['Asset Class'] !== 'Equity') return `asset class ${row['Asset Class'] || 'missing'}`;
  if (isEmpty(ticker)) return 'no ticker';
  if (isEmpty(exchange) || UNLISTED.test(exchange)) return 'not listed on an exchange';
  return (numberIn(row.Price) ?? 0) > 0 ? undefined : 'no price';
}

/** The file's own word for nothing is a dash. */
function isEmpty(cell: string): boolean {
  return cell === '' || cell === '-';
}

/** Figures have thousands separators. */
function numberIn(cell: string | undefined): number | undefined {
  const text = (cell ?? '').replaceAll(',', '');
  return /^-?\d+(\.\d+)?$/.test(text) ? Number(text) : undefined;
}

/** Reasons and how often each, in one clause: `asset class Cash 2, no ticker 1`; empty for no rows. */
export function countReasons(rows: readonly Pick<Rejected, 'reason'>[]): string {
  const counts = new Map<string, number>();
  for (const { reason } of rows) counts.set(reason, (counts.get(reason) ?? 0) + 1);
  return [...counts].map(([reason, count]) => `${reason} ${count}`).join(', ');
}

/** A symbol of the reference list, in our spelling. */
export interface Listing {
  symbol: string;
  active: boolean;
}

/** What a foreign spelling stands for, or why it stands for nothing. */
export type Resolved = { symbol: string } | { reason: string };

/** `BRK.B`, but neither units (`ABC.U`) nor warrants (`ABC.WS`). */
const CLASS_SHARE = /^[A-Za-z]+\.[A-TV-Z]$/;

/**
 * Finds listings by a spelling that has lost its separator (`MOGA`, `MOG A` and `MOG.A` are MOG.A). Many real symbols
 * end in a letter that looks like a class (RUSHA, ZETA), so no rule on the spelling is safe: only the reference list
 * decides. An active listing of this very name, else the active class share that it is without its dot, else a
 * delisted one of this name.
 */
export function listingFinder(listings: Iterable<Listing>): (spelling: string) => Resolved {
  const activeByName = new Map<string, boolean>();
  const classShares = new Map<string, string>();
  for (const { symbol, active } of listings) {
    activeByName.set(symbol, active);
    if (active && CLASS_SHARE.test(symbol)) classShares.set(bareName(symbol), symbol);
  }
  return (spelling) => {
    if (activeByName.get(spelling)) return { symbol: spelling };
    // A class is one letter, so that no two symbols come to the same text without their dots.
    const classShare = classShares.get(bareName(spelling));
    if (classShare !== undefined) return { symbol: classShare };
    return activeByName.has(spelling) ? { symbol: spelling } : { reason: 'not in the reference list' };
  };
}

function bareName(symbol: string): string {
  return symbol.replace(/[\s./-]/g, '');
}
