import type { MarketSource } from '../../../src/local/market/source.ts';
import { type PracticeMarket, startMarket } from '../../../src/local/market/start-market.ts';

/** Any instant after the close of Friday 2026-11-20, so that no test depends on the day it runs. */
export const NOW = new Date('2026-11-22T12:00:00Z');

const CREDENTIALS = { authorization: 'Bearer any', 'apca-api-key-id': 'any', 'apca-api-secret-key': 'any' };

export interface Told {
  status: number;
  text: string;
  // Tests look into answers of every shape.
  json: Record<string, never> & { results?: Record<string, unknown>[] };
  headers: Headers;
}

export async function ask(
  market: PracticeMarket,
  path: string,
  headers: Record<string, string> = CREDENTIALS,
): Promise<Told> {
  const response = await fetch(`${market.url}${path}`, { headers });
  const text = await response.text();
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    json = undefined;
  }
  return { status: response.status, text, json: json as Told['json'], headers: response.headers };
}

export function grouped(date: string, query = 'adjusted=false'): string {
  return `/v2/aggs/grouped/locale/us/market/stocks/${date}?${query}`;
}

/** Starts a market for the length of one body. */
export async function withMarket(
  options: { source: MarketSource; misbehave?: string[]; now?: () => Date },
  body: (market: PracticeMarket) => Promise<void>,
): Promise<void> {
  const market = await startMarket({ now: () => NOW, ...options });
  try {
    await body(market);
  } finally {
    await market.close();
  }
}
