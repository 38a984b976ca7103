import { HOLDINGS_PATH } from '../../src/local/market/ishares.ts';

/** The stage's vendors are the practice market; their keys are put into its secrets as an operator would. */
export function vendorSettings(market: string): Record<string, string> {
  return {
    POLYGON_BASE_URL: market,
    POLYGON_CALLS_PER_MINUTE: '0',
    ALPACA_BASE_URL: market,
    FMP_BASE_URL: market,
    FMP_CALLS_PER_MINUTE: '0',
    XAI_API_URL: `${market}/v1`,
    XAI_MODEL: 'grok-practice',
    INDEX_MEMBERS_URI: `${market}${HOLDINGS_PATH}`,
  };
}

export const VENDOR_KEYS: Readonly<Record<string, Record<string, string>>> = {
  polygon: { apiKey: 'polygon-value-nobody-prints' },
  alpaca: { keyId: 'alpaca-id-nobody-prints', secretKey: 'alpaca-value-nobody-prints' },
  fmp: { apiKey: 'fmp-value-nobody-prints' },
  xai: { apiKey: 'xai-value-nobody-prints' },
};
