import { sessionHours } from '../calendar/calendar.ts';
import type { Lake } from '../lake/lake.ts';
import { publishedSessions } from '../lake/session-files.ts';
import type { Stores } from '../stores.ts';
import { readItems } from '../tables/batch.ts';
import { pendingId } from './analyses.ts';
import { missingTables, readBook } from './holdings.ts';
import {
  chosenPortfolios,
  ownedSymbols,
  type PortfolioPlan,
  type PortfolioRunInput,
  planPortfolios,
} from './portfolio-run.ts';

/**
 * Reads the portfolio service's tables and plans the portfolio run's work, one page of portfolios a call.
 * @throws Config.Invalid in the cloud when the tables are not there (a laptop has none until asked), Usage.Invalid for
 *   a portfolio nobody knows
 */
export async function listHoldings(
  { runId, input, after }: { runId: string; input: PortfolioRunInput; after: string | null },
  { config, lake, tables }: Pick<Stores, 'config' | 'lake' | 'tables'>,
): Promise<PortfolioPlan> {
  const session = await newestSession(lake, input.session);
  const book = session && (await readBook(tables, config));
  if (!session) return idle(runId, input, `no session is published${input.session ? ` up to ${input.session}` : ''}`);
  if (!book) {
    if (config.STAGE !== 'local' || input.portfolio !== undefined) throw missingTables(config);
    return idle(runId, input, missingTables(config).message);
  }
  const timestamp = sessionHours(session).close;
  const chosen = chosenPortfolios(book, input.portfolio);
  const keys = (name: string, values: readonly string[]) => values.map((value) => ({ [name]: value }));
  const known = await readItems(tables, config.TICKERS_TABLE, keys('symbol', ownedSymbols(book, chosen)), [
    'symbol',
    'status',
  ]);
  const stored = await readItems(
    tables,
    config.PORTFOLIO_ANALYSES_TABLE,
    keys('portfolio', chosen).map((key) => ({ ...key, timestamp })),
    ['portfolio'],
  );
  // Killed between storing an answer and forgetting its question: the step that finds both ends it.
  const questions = await readItems(tables, config.RUNS_TABLE, keys('id', chosen.map(pendingId)), ['id']);
  const untidy = new Set(questions.map(({ id }) => String(id)));
  return planPortfolios({
    input,
    runId,
    session,
    timestamp,
    book,
    known: new Map(known.map(({ symbol, status }) => [String(symbol), String(status)])),
    analysed: new Set(stored.map(({ portfolio }) => String(portfolio)).filter((name) => !untidy.has(pendingId(name)))),
    after,
    hasKey: config.XAI_SECRET_ARN !== undefined,
  });
}

/** What is served, not what the clock says: a night whose prices were held back leaves the session before. */
export async function newestSession(lake: Lake, upTo: string | undefined): Promise<string | undefined> {
  const held = (await publishedSessions(lake)).map(({ date }) => date);
  return held.findLast((date) => upTo === undefined || date <= upTo);
}

function idle(runId: string, { force, portfolio }: PortfolioRunInput, reason: string): PortfolioPlan {
  const none = { tickers: 0, chunks: [], portfolios: [], next: null, unchanged: 0, analysisSkipped: null, notes: [] };
  return {
    runId,
    session: null,
    timestamp: null,
    force,
    only: portfolio ?? null,
    due: false,
    reasons: [reason],
    ...none,
  };
}
