import { alterRows } from './altered-rows.ts';
import { companyFacts } from './company-row.ts';
import { marketDay } from './market-day.ts';
import type { Answer, Asked } from './market-route.ts';
import { notFound, ok } from './polygon-answers.ts';

/** `GET /v3/reference/tickers/{ticker}` (vendor-apis 1.4); funds have no SIC code, and one in twenty no market cap. */
export async function answerDetails(asked: Asked): Promise<Answer> {
  const ticker = decodeURIComponent(asked.captured[0] ?? '');
  const { listings, closes } = await marketDay(asked.source, asked.lastClosed);
  const row = listings.get(ticker);
  if (row === undefined || asked.active.has('empty')) return notFound(asked, 'Ticker not found.');
  const facts = companyFacts(row);
  const close = closes.get(ticker);
  const cap =
    facts.isCompany && close !== undefined && facts.shares % 20 !== 0 ? Math.round(close * facts.shares) : undefined;
  const results = {
    ...row,
    ...(facts.isCompany && { sic_code: facts.sicCode, sic_description: facts.sicDescription }),
    ...(facts.isCompany && { share_class_shares_outstanding: facts.shares }),
    ...(cap !== undefined && { market_cap: cap }),
    list_date: facts.listDate,
    description: facts.description,
    ticker_root: ticker.replace(/[^A-Z].*$/, ''),
  };
  const [told] = alterRows([results], asked.active);
  return ok(asked, { results: told });
}
