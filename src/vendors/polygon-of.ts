import type { Config } from '../config.ts';
import { keepClient } from './keep-client.ts';
import { type Polygon, polygon } from './polygon.ts';

const open = keepClient(polygon);

/** The process's Polygon client as the settings and the secret `{"apiKey"}` want it. */
export function polygonOf(config: Config, secret: Record<string, string> | undefined): Polygon {
  return open({
    baseUrl: config.POLYGON_BASE_URL,
    apiKey: secret?.apiKey,
    callsPerMinute: config.POLYGON_CALLS_PER_MINUTE,
    maxPages: config.MAX_PAGES,
  });
}
