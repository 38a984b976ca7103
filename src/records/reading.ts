/**
 * What a vendor's answer about one symbol comes to. Empty is an answer too: the vendor knows nothing, and what is
 * stored stays. A wrong row is kept with the reason.
 */
export type Reading<T> =
  | { kind: 'record'; record: T }
  | { kind: 'empty'; reason: string }
  | { kind: 'invalid'; reason: string; row: unknown };
