/** What an operator puts into the secrets; the practice market takes any key. */
export const VENDOR_KEYS: Readonly<Record<string, Record<string, string>>> = {
  polygon: { apiKey: 'polygon-value-nobody-prints' },
  alpaca: { keyId: 'alpaca-id-nobody-prints', secretKey: 'alpaca-value-nobody-prints' },
  fmp: { apiKey: 'fmp-value-nobody-prints' },
  xai: { apiKey: 'xai-value-nobody-prints' },
};
