import { NamedError } from '../errors.ts';
import type { TickerData } from '../portfolio/ticker-data.ts';
import { polygonIndicators } from '../vendors/polygon-indicators.ts';
import type { Context } from './context.ts';
import type { Pipeline } from './pipeline.ts';
import { type Cell, table } from './terminal.ts';

/** At the free plan's pace that is a minute. */
const SAMPLE = 3;
/** RSI points, and percent of the mean: the vendor begins its smoothing elsewhere and corrects bars later. */
const TOLERANCE = { rsi: 0.5, sma: 0.5 };

interface Compared {
  ticker: string;
  indicator: 'rsi' | 'sma';
  asOf: string;
  ours: number;
  theirs: number | null;
  close: boolean;
}

/**
 * Compares a few tickers' RSI and MA50 with Polygon's indicator endpoints; exits 1 when one is too far off.
 * @throws Usage.Invalid with practice data
 */
export async function compareWithVendor(
  { data }: { data: readonly TickerData[] },
  { practice }: Pick<Pipeline, 'practice'>,
  { config, terminal, signal }: Context,
): Promise<number> {
  if (practice || config.POLYGON_API_KEY === undefined) {
    throw new NamedError('Usage.Invalid', {
      what: '--check-vendor compares real data with Polygon',
      found: practice ? 'practice data' : 'no POLYGON_API_KEY',
      wanted: 'a home with real data and a key',
    });
  }
  const vendor = polygonIndicators({ config });
  const compared: Compared[] = [];
  for (const one of sampleOf(data)) {
    for (const [indicator, ours] of [
      ['rsi', one.rsi],
      ['sma', one.ma50],
    ] as const) {
      if (ours === null) continue;
      const theirs = (await vendor.valueOn(indicator, one.ticker, one.asOf, { signal })) ?? null;
      compared.push({
        ticker: one.ticker,
        indicator,
        asOf: one.asOf,
        ours,
        theirs,
        close: isClose(indicator, ours, theirs),
      });
    }
  }
  if (terminal.json) terminal.print(JSON.stringify(compared));
  else {
    const rows = compared.map(({ ticker, indicator, asOf, ours, theirs, close }): Cell[] => [
      ticker,
      indicator,
      asOf,
      ours.toFixed(4),
      theirs?.toFixed(4) ?? 'none',
      close ? '' : 'differs',
    ]);
    terminal.print(table(['ticker', 'indicator', 'as of', 'ours', 'Polygon', ''], rows));
  }
  return compared.every(({ close, theirs }) => close || theirs === null) ? 0 : 1;
}

/** Spread over the list, so that not only names beginning with A are looked at. */
function sampleOf(data: readonly TickerData[]): TickerData[] {
  const whole = data
    .filter(({ rsi, ma50 }) => rsi !== null && ma50 !== null)
    .toSorted((a, b) => (a.ticker < b.ticker ? -1 : 1));
  const step = Math.max(1, Math.floor(whole.length / SAMPLE));
  return whole.filter((_, place) => place % step === 0).slice(0, SAMPLE);
}

function isClose(indicator: 'rsi' | 'sma', ours: number, theirs: number | null): boolean {
  if (theirs === null) return false;
  const off = Math.abs(ours - theirs);
  return indicator === 'rsi' ? off <= TOLERANCE.rsi : (100 * off) / theirs <= TOLERANCE.sma;
}
