/**
 * Text from outside (a vendor's message, a driver's error, a cut cause) as every store can take it: half surrogates
 * and NUL, which neither PostgreSQL nor UTF-8 holds, become U+FFFD. `most` cuts it to so many UTF-16 units.
 */
export function wellFormed(text: string, most = Number.POSITIVE_INFINITY): string {
  const whole = text.length > most ? text.slice(0, most).replace(/[\uD800-\uDBFF]$/, '') : text;
  return whole.replace(/[\p{Cs}\0]/gu, '\uFFFD');
}

/** The same value with every text in it well-formed. */
export function wellFormedTexts<T>(value: T): T {
  if (typeof value === 'string') return wellFormed(value) as T;
  if (Array.isArray(value)) return value.map(wellFormedTexts) as T;
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, wellFormedTexts(one)])) as T;
}
