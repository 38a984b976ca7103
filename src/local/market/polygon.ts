import type { Vendor } from './market-route.ts';
import { failed } from './polygon-answers.ts';
import { answerDetails } from './polygon-details.ts';
import { answerGrouped, beforeEndOfDay } from './polygon-grouped.ts';
import { answerIndicator } from './polygon-indicators.ts';
import { answerSplits } from './polygon-splits.ts';
import { answerTickers } from './polygon-tickers.ts';

const TOO_MANY =
  "You've exceeded the maximum requests per minute, please wait or upgrade your subscription to continue. https://polygon.io/pricing";

/** Polygon.io (now Massive) as far as the pipeline asks it; the key counts in the Authorization header only. */
export const polygon: Vendor = {
  name: 'polygon',
  routes: [
    { name: 'tickers', pattern: /^\/v3\/reference\/tickers$/, answer: answerTickers },
    { name: 'details', pattern: /^\/v3\/reference\/tickers\/([^/]+)$/, answer: answerDetails },
    { name: 'grouped', pattern: /^\/v2\/aggs\/grouped\/locale\/us\/market\/stocks\/([^/]+)$/, answer: answerGrouped },
    { name: 'splits', pattern: /^(?:\/v3\/reference|\/stocks\/v1)\/splits$/, answer: answerSplits },
    { name: 'indicators', pattern: /^\/v1\/indicators\/(rsi|sma)\/([^/]+)$/, answer: answerIndicator },
  ],
  authorized: ({ headers }) => /^Bearer +\S/.test(headers.authorization ?? ''),
  unauthorized: (request) => failed(request, 401, 'Unknown API Key'),
  rateLimited: (request, bare) => (bare ? { status: 429, text: '' } : failed(request, 429, TOO_MANY)),
  badRequest: (request, message) => failed(request, 400, message),
  beforeEndOfDay,
};
