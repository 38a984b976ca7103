import { sessionHours } from '../calendar/calendar.ts';
import { inFlight } from '../concurrency.ts';
import { type Lake, lakeKind } from '../lake/lake.ts';
import { type PriceSplit, readSplits, splitsInForce } from '../lake/splits-list.ts';
import { readSymbolHistory } from '../lake/symbol-history-file.ts';
import { contentHash } from '../records/record.ts';
import type { Stores } from '../stores.ts';
import { type Item, readItems, writeAll } from '../tables/batch.ts';
import { wellFormed } from '../text.ts';
import { missingTables, readBook } from './holdings.ts';
import { readCloses, type TickerData, tickerData } from './indicators.ts';
import { type Chunk, chosenPortfolios, ownedSymbols } from './portfolio-run.ts';

const SHOWN = 5;

export interface UpdatedTickers {
  tickers: number;
  written: number;
  unchanged: number;
  /** Held symbols the lake has no bar of. */
  withoutBars: { count: number; first: string[] };
  /** Symbols with a price but without RSI or MA50, for the reason in their items. */
  withoutIndicators: number;
  failed: { count: number; first: string[] };
}

/**
 * Writes `ticker-data` for the held tickers of one range, from the lake's own bars; no vendor is asked. An item that is
 * as it was is not written, a symbol whose file is damaged costs only itself.
 */
export async function updateTickerData(
  { session, chunk, only }: { session: string; chunk: Chunk; only: string | null },
  { config, lake, tables }: Pick<Stores, 'config' | 'lake' | 'tables'>,
): Promise<UpdatedTickers> {
  const book = await readBook(tables, config);
  if (!book) throw missingTables(config);
  const held = ownedSymbols(book, chosenPortfolios(book, only ?? undefined));
  const tickers = held.filter((ticker) => ticker >= chunk.from && (chunk.to === null || ticker < chunk.to));
  const computed = await computeTickers(lake, tickers, session, config.MAX_WORKERS);
  const practice = (await lakeKind(lake)) === 'practice';
  const items = computed.data.map((data) => ({
    ...data,
    ...(practice ? { practice } : {}),
    contentHash: contentHash(data),
  }));
  const changed = await changedItems(tables, config.TICKER_DATA_TABLE, items);
  const { written, failed } = await writeAll(tables, config.TICKER_DATA_TABLE, changed);
  const failures = [...computed.failed, ...failed.map(({ item, reason }) => `${item.ticker}: ${reason}`)];
  return {
    tickers: tickers.length,
    written,
    unchanged: items.length - changed.length,
    withoutBars: { count: computed.withoutBars.length, first: computed.withoutBars.slice(0, SHOWN) },
    withoutIndicators: items.filter(({ rsi, ma50 }) => rsi === null || ma50 === null).length,
    failed: { count: failures.length, first: failures.slice(0, SHOWN).map((text) => wellFormed(text, 300)) },
  };
}

/** Price and indicators of these symbols as of a session, read from the lake and written nowhere. */
export async function computeTickers(
  lake: Lake,
  tickers: readonly string[],
  session: string,
  workers: number,
): Promise<{ data: TickerData[]; withoutBars: string[]; failed: string[] }> {
  const splits = splitsInForce(await readSplits(lake), session);
  const history = await readSymbolHistory(lake);
  const timestamp = sessionHours(session).close;
  const none: readonly PriceSplit[] = [];
  const result: { data: TickerData[]; withoutBars: string[]; failed: string[] } = {
    data: [],
    withoutBars: [],
    failed: [],
  };
  await inFlight(tickers, workers, async (ticker) => {
    try {
      const closes = await readCloses(lake, ticker);
      const at = { ticker, session, timestamp };
      const data = closes && tickerData(closes, splits.get(ticker) ?? none, at, history?.get(ticker));
      if (data) result.data.push(data);
      else result.withoutBars.push(ticker);
    } catch (error) {
      result.failed.push(`${ticker}: ${(error as Error).name}: ${(error as Error).message}`);
    }
  });
  return result;
}

async function changedItems(tables: Stores['tables'], table: string, items: readonly Item[]): Promise<Item[]> {
  const wanted = items.map(({ ticker, timestamp }) => ({ ticker, timestamp }));
  const stored = await readItems(tables, table, wanted, ['ticker', 'contentHash']);
  const hashes = new Map(stored.map((item) => [item.ticker, item.contentHash]));
  return items.filter(({ ticker, contentHash: hash }) => hashes.get(ticker) !== hash);
}
