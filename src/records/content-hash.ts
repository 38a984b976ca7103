import { createHash } from 'node:crypto';

/** Moves at the vendor without any change of what is stored; it would make every night rewrite every item. */
const TICKING = new Set(['lastUpdatedUtc', 'last_updated_utc', 'holdingsOf', 'weight']);

/** Whether a field moves without meaning anything. */
export function isTicking(field: string): boolean {
  return TICKING.has(field);
}

/**
 * SHA-256 (hex) of a record as JSON with sorted fields: the same for any order of fields, for a field that is absent
 * or undefined, and for another time of the vendor's last update.
 */
export function contentHash(record: object): string {
  const content = Object.entries(record).filter(([field]) => !isTicking(field));
  return createHash('sha256').update(sortedObject(content)).digest('hex');
}

// Written out by hand: JSON.stringify puts integer-like names first, whatever order an object was built in.
function sortedObject(entries: [string, unknown][]): string {
  const present = entries.filter(([, value]) => value !== undefined);
  present.sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${present.map(([field, value]) => `${JSON.stringify(field)}:${sortedJson(value)}`).join(',')}}`;
}

function sortedJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(sortedJson).join(',')}]`;
  if (typeof value === 'object' && value !== null) return sortedObject(Object.entries(value));
  return JSON.stringify(value) ?? 'null';
}
