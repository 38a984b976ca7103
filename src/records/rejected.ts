/** A row that was refused: what it was and why. One JSON line each in `quarantine/`. */
export interface Rejected {
  symbol: string;
  reason: string;
  /** The vendor's row as it came. */
  row: unknown;
}

/** The outcome of parsing one vendor answer: nothing is dropped, every row is in one of the two lists. */
export interface Parsed<T> {
  records: T[];
  rejected: Rejected[];
  /** What was left out on purpose, in words. */
  leftOut?: string[];
  /** Fields the vendor sends and we do not keep, by name, sorted. */
  unknownFields?: string[];
}
