import * as z from 'zod';
import { NamedError } from '../errors.ts';
import { didYouMean } from '../text.ts';
import type { Book } from './holdings.ts';

/**
 * What starts the portfolio run: the detail of `Night Completed` as it is, or `{portfolio, force}` by hand. Without a session
 * it is the newest one held.
 */
export const portfolioRunInput = z.object({
  session: z
    .string()
    .regex(/^\d{4}-\d{2}-\d{2}$/, 'a date YYYY-MM-DD')
    .optional(),
  /** Only this portfolio. */
  portfolio: z.string().optional(),
  /** Analyse again what is analysed already. */
  force: z.boolean().default(false),
});
export type PortfolioRunInput = z.output<typeof portfolioRunInput>;

/** A range of tickers by code unit: from `from` on, before `to` when there is one. */
export interface Chunk {
  from: string;
  to: string | null;
}

/** What List Holdings decides; the state machine's variable `$portfolioRun`. */
export interface PortfolioPlan {
  runId: string;
  /** The portfolio run's data are as of this session; null when no session is held. */
  session: string | null;
  /** Its close, ISO UTC: the range key of everything the portfolio run writes. */
  timestamp: string | null;
  force: boolean;
  /** The only portfolio, when one was asked for. */
  only: string | null;
  due: boolean;
  reasons: string[];
  tickers: number;
  chunks: Chunk[];
  /** Portfolios to analyse, by name; the next page begins after `next`. */
  portfolios: string[];
  next: string | null;
  /** Already analysed as of this session. */
  unchanged: number;
  /** Why nothing is analysed though ticker data are written. */
  analysisSkipped: string | null;
  /** What was found amiss in the holdings; none of it stops anything. */
  notes: string[];
}

/** A Lambda reads so many histories in seconds; 5,400 tickers are eleven calls. */
const CHUNK_TICKERS = 500;
/** Names of a page have to fit into a function's result. */
const PAGE_PORTFOLIOS = 150;
const SHOWN = 10;

/** What a plan is made of; everything that had to be looked up. */
export interface PortfolioPlanInput {
  input: PortfolioRunInput;
  runId: string;
  session: string;
  timestamp: string;
  book: Book;
  /** Reference list by symbol, of the tickers held: its status there. */
  known: ReadonlyMap<string, string>;
  /** Portfolios whose analysis as of this session is stored. */
  analysed: ReadonlySet<string>;
  /** The last name of the page before. */
  after: string | null;
  hasKey: boolean;
}

/** The portfolios a run is about: active, and the one asked for, if one was. @throws Usage.Invalid for an unknown one */
export function chosenPortfolios({ portfolios }: Pick<Book, 'portfolios'>, only: string | undefined): string[] {
  const active = portfolios.filter(({ active }) => active).map(({ portfolio }) => portfolio);
  if (only === undefined) return active;
  if (portfolios.some(({ portfolio }) => portfolio === only)) return [only];
  throw new NamedError('Usage.Invalid', {
    what: `there is no portfolio ${JSON.stringify(only)}`,
    wanted: active.length === 0 ? 'a portfolio in the table' : `one of ${shown(active)}`,
    todo: didYouMean(
      only,
      portfolios.map(({ portfolio }) => portfolio),
    ),
  });
}

/** Symbols these portfolios hold, each once, by code unit. */
export function ownedSymbols({ holdings }: Pick<Book, 'holdings'>, portfolios: readonly string[]): string[] {
  const chosen = new Set(portfolios);
  return [...new Set(holdings.filter((one) => chosen.has(one.portfolio)).map(({ symbol }) => symbol))].sort();
}

/** Pure: which tickers are computed in which call, which portfolios are analysed, and what is amiss. */
export function planPortfolios(evidence: PortfolioPlanInput): PortfolioPlan {
  const { input, runId, session, timestamp, book, analysed, after, hasKey } = evidence;
  const chosen = chosenPortfolios(book, input.portfolio);
  const tickers = ownedSymbols(book, chosen);
  const withPositions = new Set(book.holdings.map(({ portfolio }) => portfolio));
  const filled = chosen.filter((portfolio) => withPositions.has(portfolio));
  const open = filled.filter((portfolio) => input.force || !analysed.has(portfolio));
  const left = open.filter((portfolio) => after === null || portfolio > after).sort();
  const page = hasKey ? left.slice(0, PAGE_PORTFOLIOS) : [];
  return {
    runId,
    session,
    timestamp,
    force: input.force,
    only: input.portfolio ?? null,
    due: tickers.length > 0,
    reasons: tickers.length > 0 ? [] : ['no portfolio holds anything'],
    tickers: tickers.length,
    // Later pages find every ticker done by the first.
    chunks: after === null ? chunksOf(tickers) : [],
    portfolios: page,
    next: hasKey && left.length > page.length ? page.at(-1)! : null,
    unchanged: filled.length - open.length,
    analysisSkipped: hasKey || open.length === 0 ? null : 'XAI_API_KEY is not set',
    notes: after === null ? notesOf(evidence, chosen, tickers) : [],
  };
}

function chunksOf(tickers: readonly string[]): Chunk[] {
  const firsts = tickers.filter((_, place) => place % CHUNK_TICKERS === 0);
  return firsts.map((from, place) => ({ from, to: firsts[place + 1] ?? null }));
}

function notesOf(
  { book, known, input }: PortfolioPlanInput,
  chosen: readonly string[],
  tickers: readonly string[],
): string[] {
  const names = new Set(book.portfolios.map(({ portfolio }) => portfolio));
  const strays = new Set(book.holdings.map(({ portfolio }) => portfolio).filter((portfolio) => !names.has(portfolio)));
  const held = new Set(book.holdings.map(({ portfolio }) => portfolio));
  const refused = book.rejected.map(({ symbol, reason }) => (symbol ? `${symbol}: ${reason}` : reason));
  return [
    note(
      'not in the reference list',
      tickers.filter((ticker) => !known.has(ticker)),
    ),
    note(
      'delisted',
      tickers.filter((ticker) => known.get(ticker) === 'inactive'),
    ),
    note(
      'without positions',
      chosen.filter((portfolio) => !held.has(portfolio)),
    ),
    ...(input.portfolio === undefined ? [note('positions of an unknown portfolio', [...strays])] : []),
    note('items that cannot be read', refused),
  ].filter((line) => line !== undefined);
}

function note(what: string, names: readonly string[]): string | undefined {
  return names.length === 0 ? undefined : `${what}: ${shown(names)}`;
}

function shown(names: readonly string[]): string {
  const more = names.length > SHOWN ? ` and ${names.length - SHOWN} more` : '';
  return names.slice(0, SHOWN).join(', ') + more;
}
