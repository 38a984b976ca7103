import { NamedError } from '../../errors.ts';
import { alterRows, driftFields } from './misbehave.ts';
import type { MarketResponse, Vendor, VendorRequest } from './routes.ts';

const PER_MINUTE = 200;

/** `GET /v2/assets`: status, asset_class, exchange, attributes (any of them); one array, no paging. */
async function answerAssets({ query, source, lastClosed, active }: VendorRequest): Promise<MarketResponse> {
  const status = query.get('status');
  if (status !== null && status !== 'active' && status !== 'inactive')
    throw new NamedError('Usage.Invalid', `invalid status: ${status}`);
  const attributes = query.get('attributes')?.split(',');
  const exchange = query.get('exchange');
  const assets = (query.get('asset_class') ?? 'us_equity') === 'us_equity' ? await source.assets(lastClosed) : [];
  const found = assets.filter(
    (asset) =>
      (status === null || asset.status === status) &&
      (exchange === null || asset.exchange === exchange) &&
      (attributes === undefined || attributes.some((wanted) => asset.attributes.includes(wanted))),
  );
  return {
    status: 200,
    json: alterRows(driftFields('assets', found, active), active),
    headers: { 'x-ratelimit-limit': String(PER_MINUTE) },
  };
}

/** Alpaca's trading API as far as the pipeline asks it. */
export const alpaca: Vendor = {
  name: 'alpaca',
  routes: [{ name: 'assets', pattern: /^\/v2\/assets$/, answer: answerAssets }],
  authorized: ({ headers }) => Boolean(headers['apca-api-key-id'] && headers['apca-api-secret-key']),
  unauthorized: () => ({ status: 401, json: { message: 'unauthorized' } }),
  rateLimited: (_request, bare) => ({
    status: 429,
    ...(bare ? { text: '' } : { json: { message: 'rate limit exceeded' } }),
    headers: {
      'x-ratelimit-limit': String(PER_MINUTE),
      'x-ratelimit-remaining': '0',
      'x-ratelimit-reset': String(Math.ceil(Date.now() / 1000) + 60),
    },
  }),
  badRequest: (_request, message) => ({ status: 400, json: { message } }),
};
