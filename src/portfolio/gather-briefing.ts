import { sessionHours } from '../calendar/sessions.ts';
import type { Stores } from '../night/stores.ts';
import { type Briefing, briefingOf, type Listing } from './briefing.ts';
import { readHoldings } from './portfolio-tables.ts';
import { readItems } from './read-items.ts';
import type { TickerData } from './ticker-data.ts';

const FIGURES = [
  'ticker',
  'timestamp',
  'price',
  'rsi',
  'rsiReason',
  'ma50',
  'ma50Reason',
  'asOf',
  'bars',
  'barsFrom',
  'barsFromReason',
];

/** What is known of one portfolio as of a session: its positions, `ticker-data`, the reference list. */
export async function gatherBriefing(
  portfolio: string,
  session: string,
  { config, tables }: Pick<Stores, 'config' | 'tables'>,
  /** Figures that are not stored, for a look beforehand. */
  computed?: readonly TickerData[],
): Promise<Briefing> {
  const holdings = await readHoldings(tables, config.PORTFOLIO_POSITIONS_TABLE, portfolio);
  const symbols = holdings.map(({ symbol }) => symbol);
  const timestamp = sessionHours(session).close;
  const wanted = symbols.map((ticker) => ({ ticker, timestamp }));
  const data = computed ?? ((await readItems(tables, config.TICKER_DATA_TABLE, wanted, FIGURES)) as unknown[]);
  const fields = ['symbol', 'name', 'type', 'status'];
  const listed = await readItems(
    tables,
    config.TICKERS_TABLE,
    symbols.map((symbol) => ({ symbol })),
    fields,
  );
  return briefingOf(portfolio, session, {
    holdings,
    data: new Map((data as TickerData[]).map((one) => [one.ticker, one])),
    listings: new Map(listed.map((item) => [String(item.symbol), item as Listing])),
  });
}
