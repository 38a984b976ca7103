import { isSession, sessionHours } from '../../calendar/sessions.ts';
import { adjustBars } from './adjusted-bars.ts';
import { alterRows, lateCorrection } from './altered-rows.ts';
import type { Answer, Asked, MarketRequest } from './market-route.ts';
import type { BarRow } from './market-source.ts';
import { notAuthorized, ok } from './polygon-answers.ts';
import { dateOf } from './polygon-filters.ts';

export function beforeEndOfDay(request: MarketRequest): Answer {
  return notAuthorized(
    request,
    "Attempted to request today's data before end of day. Please upgrade your plan at https://polygon.io/pricing",
  );
}

function outOfPlan(request: MarketRequest): Answer {
  return notAuthorized(
    request,
    "Your plan doesn't include this data timeframe. Please upgrade your plan at https://polygon.io/pricing",
  );
}

async function barsOn(asked: Asked, date: string, adjusted: boolean): Promise<BarRow[]> {
  const all = await asked.source.bars(date);
  const rows = asked.query.get('include_otc') === 'true' ? all : all.filter((row) => row.otc !== true);
  if (!adjusted || rows.length === 0) return rows;
  return adjustBars(rows, await asked.source.splits(), { date, today: asked.today });
}

/**
 * `GET /v2/aggs/grouped/locale/us/market/stocks/{date}` (vendor-apis 1.5): adjusted (default true), include_otc
 * (default false). A day without trading has no `results` key; one not closed yet is refused.
 */
export async function answerGrouped(asked: Asked): Promise<Answer> {
  const date = dateOf(new URLSearchParams({ date: asked.captured[0] ?? '' }), 'date')!;
  const { earliest } = asked.source;
  if (earliest !== undefined && date < earliest) return outOfPlan(asked);
  if (date > asked.today || (date > asked.lastClosed && isSession(date))) return beforeEndOfDay(asked);
  const adjusted = asked.query.get('adjusted') !== 'false';
  const bars = await barsOn(asked, date, adjusted);
  if (bars.length === 0) return ok(asked, { queryCount: 0, resultsCount: 0, adjusted });
  // The vendor stamps the END of the window here, at 13:00 on half days.
  const t = Date.parse(sessionHours(date).close);
  const told = asked.active.has('late-correction') ? lateCorrection(bars, date) : bars;
  const results = alterRows(
    told.map((row) => ({ ...row, t })),
    asked.active,
  );
  const count = results.length;
  return ok(asked, { queryCount: count, resultsCount: count, adjusted, results, count });
}
