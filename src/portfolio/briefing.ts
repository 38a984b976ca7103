import { sessionHours } from '../calendar/calendar.ts';
import type { Holding } from '../records/holding.ts';
import type { Stores } from '../stores.ts';
import { readItems } from '../tables/batch.ts';
import { readHoldings } from './holdings.ts';
import type { TickerData } from './indicators.ts';

/** One answer holds so many positions; the largest by market value are analysed, the others are named. */
const MOST_POSITIONS = 150;

/** What the reference list says of a symbol. */
export interface Listing {
  name?: string;
  type?: string;
  status?: string;
}

/** A position with everything the model is told of it. Money in USD, shares of one price basis. */
export interface BriefedPosition {
  holding: Holding;
  data: TickerData;
  listing: Listing;
  marketValue: number;
}

/** One portfolio as of one session: what is analysed, and what is not for which reason. */
export interface Briefing {
  portfolio: string;
  session: string;
  positions: BriefedPosition[];
  left: { symbol: string; reason: string }[];
}

/** Pure: nothing goes in but this portfolio's positions and what is known of their symbols. */
export function briefingOf(
  portfolio: string,
  session: string,
  {
    holdings,
    data,
    listings,
  }: {
    holdings: readonly Holding[];
    data: ReadonlyMap<string, TickerData>;
    listings: ReadonlyMap<string, Listing>;
  },
): Briefing {
  const positions: BriefedPosition[] = [];
  const left: Briefing['left'] = [];
  for (const holding of holdings) {
    const { symbol, quantity } = holding;
    const figures = data.get(symbol);
    const listing = listings.get(symbol) ?? {};
    if (listing.status === 'inactive') left.push({ symbol, reason: 'delisted' });
    else if (!figures) left.push({ symbol, reason: listings.has(symbol) ? 'no bars in the lake' : 'unknown symbol' });
    else positions.push({ holding, data: figures, listing, marketValue: quantity * figures.price });
  }
  positions.sort((a, b) => Math.abs(b.marketValue) - Math.abs(a.marketValue));
  const small = positions.splice(MOST_POSITIONS);
  const reason = `not among the ${MOST_POSITIONS} largest positions`;
  return {
    portfolio,
    session,
    positions,
    left: [...left, ...small.map(({ holding: { symbol } }) => ({ symbol, reason }))],
  };
}

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
