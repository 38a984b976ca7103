import { NamedError } from '../errors.ts';

/** In UTF-8 bytes: escaped to three characters each, a key part stays far below what file systems allow (255). */
const LONGEST_BYTES = 32;
// Lone surrogates have no UTF-8 form, so two different ones would share a key.
const UNPRINTABLE = /[\s\p{Cc}\p{Cf}\p{Cs}]/u;
const PLAIN = /^[A-Z0-9.-]*$/;
/** What earlier versions left as it was. */
const OLD_PLAIN = /^[A-Za-z0-9.-]*$/;

/**
 * Why a text is no symbol, or undefined when it is one. Case and spelling are the vendor's (`KIMpL`, `BRK.B`, `A/B`,
 * `TRUE`); all-digit texts are placeholders of a clearing house, not listings.
 */
export function checkSymbol(text: unknown): string | undefined {
  if (typeof text !== 'string') return text === undefined || text === null ? 'symbol is missing' : 'symbol is not text';
  if (text === '') return 'symbol is empty';
  if (UNPRINTABLE.test(text)) return 'symbol holds blanks or control characters';
  if (/^\d+$/.test(text)) return 'symbol is all digits';
  // Each UTF-16 unit is at least one byte, so long texts need no counting.
  if (text.length > LONGEST_BYTES || Buffer.byteLength(text) > LONGEST_BYTES) return 'symbol is too long';
  return undefined;
}

/**
 * The symbol as a part of an object key: bytes outside `[A-Z0-9.-]` become `_xx` in lower-case hex, `_` itself too, so
 * that two symbols never share a key, nor keys that differ in case only: most disks of a Mac take those for one.
 */
export function keyOf(symbol: string): string {
  return escaped(symbol, PLAIN);
}

/** Its key part in lakes of earlier versions, which left lower-case letters as they are: `KIMpL`, now `KIM_70L`. */
export function oldKeyOf(symbol: string): string {
  return escaped(symbol, OLD_PLAIN);
}

function escaped(symbol: string, plain: RegExp): string {
  if (plain.test(symbol)) return symbol;
  let key = '';
  for (const byte of Buffer.from(symbol, 'utf8')) {
    const letter = String.fromCharCode(byte);
    key += plain.test(letter) ? letter : `_${byte.toString(16).padStart(2, '0')}`;
  }
  return key;
}

/**
 * The symbol of a key part written by keyOf, or by oldKeyOf.
 * @throws NamedError `Data.Invalid` for a text that neither ever writes
 */
export function symbolOf(key: string): string {
  if (OLD_PLAIN.test(key)) return key;
  const bytes: number[] = [];
  for (const part of key.matchAll(/_([0-9a-f]{2})|[\s\S]/g)) {
    bytes.push(part[1] === undefined ? key.charCodeAt(part.index) : Number.parseInt(part[1], 16));
  }
  const symbol = Buffer.from(bytes).toString('utf8');
  if (keyOf(symbol) === key || oldKeyOf(symbol) === key) return symbol;
  throw new NamedError('Data.Invalid', {
    what: 'A key names no symbol',
    found: JSON.stringify(key),
    wanted: 'capital letters, digits, dot, dash, and other bytes as _xx in lower-case hex',
  });
}
