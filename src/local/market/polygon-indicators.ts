import { sessionsBetween } from '../../calendar/sessions.ts';
import { NamedError } from '../../errors.ts';
import { movingAverage, wilderRsi } from '../../portfolio/indicators.ts';
import { adjustBars } from './adjusted-bars.ts';
import type { Answer, Asked } from './market-route.ts';
import { ok } from './polygon-answers.ts';
import { dateOf } from './polygon-filters.ts';

/** Sessions a value is computed from: the vendor, too, begins its smoothing somewhere. */
const UNDERLYING = 400;
const USUAL_WINDOW: Readonly<Record<string, string>> = { rsi: '14', sma: '50' };

/**
 * `GET /v1/indicators/{rsi|sma}/{ticker}` (vendor-apis 1.7): the newest value up to `timestamp.lte`, of split-adjusted
 * closes, and none of those before it; `values` is absent when there is none.
 */
export async function answerIndicator(asked: Asked): Promise<Answer> {
  const kind = asked.captured[0] ?? '';
  const window = windowOf(asked.query.get('window') ?? USUAL_WINDOW[kind] ?? '');
  const bars = asked.active.has('empty') ? [] : await closesOf(asked, decodeURIComponent(asked.captured[1] ?? ''));
  const closes = bars.map(({ close }) => close);
  const value = kind === 'rsi' ? wilderRsi(closes, window).at(-1) : movingAverage(closes, window);
  // Stamped with the beginning of its day in New York.
  const timestamp = Date.parse(`${bars.at(-1)?.date}T05:00:00Z`);
  return ok(asked, { results: typeof value === 'number' ? { values: [{ timestamp, value }] } : {} });
}

async function closesOf({ source, query, today, lastClosed }: Asked, ticker: string) {
  const wanted = dateOf(query, 'timestamp.lte') ?? lastClosed;
  const { from = source.earliest ?? lastClosed } = await source.span();
  const sessions = sessionsBetween(from, wanted < lastClosed ? wanted : lastClosed).slice(-UNDERLYING);
  const splits = (await source.splits()).filter((split) => split.ticker === ticker);
  const closes: { date: string; close: number }[] = [];
  for (const date of sessions) {
    const own = (await source.bars(date)).filter((row) => row.T === ticker);
    for (const { c: close } of adjustBars(own, splits, { date, today })) closes.push({ date, close });
  }
  return closes;
}

function windowOf(text: string): number {
  if (/^[1-9]\d{0,2}$/.test(text)) return Number(text);
  throw new NamedError('Usage.Invalid', `'window' must be an integer from 1 to 999, found '${text}'.`);
}
