/**
 * Randomness by address instead of by sequence: the same key and coordinates always give the same number, so any
 * session can be served without walking the ones before it.
 */

function stir(state: number, word: number): number {
  let k = Math.imul(word, 0xcc9e2d51);
  k = Math.imul((k << 15) | (k >>> 17), 0x1b873593);
  const h = state ^ k;
  return (Math.imul((h << 13) | (h >>> 19), 5) + 0xe6546b64) | 0;
}

/** An unsigned 32-bit hash of a key and two integer coordinates (murmur3's rounds and finaliser). */
export function hash(key: number, a: number, b = 0): number {
  let h = stir(stir(key | 0, a | 0), b | 0) ^ 12;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

/** `hash` as a fraction in [0, 1). */
export function unit(key: number, a: number, b = 0): number {
  return hash(key, a, b) / 4294967296;
}

const OCTAVES = 12;
const OCTAVE_STREAM = 1000;

/**
 * Value noise at integer `x`, octaves of period 1 … 2048 whose amplitude grows with the root of the period, as a
 * random walk's does. One step moves it by less than 7; over decades it stays within ± 160.
 */
export function walk(key: number, x: number): number {
  let sum = 0;
  for (let octave = 0; octave < OCTAVES; octave++) {
    const period = 2 ** octave;
    const cell = Math.floor(x / period);
    const along = x / period - cell;
    const left = unit(key, OCTAVE_STREAM + octave, cell) * 2 - 1;
    const right = along === 0 ? left : unit(key, OCTAVE_STREAM + octave, cell + 1) * 2 - 1;
    sum += Math.sqrt(period) * (left + (right - left) * along);
  }
  return sum;
}

/** A 32-bit key for a text (FNV-1a over its UTF-16 units, then stirred with the seed). */
export function textKey(text: string, seed: number): number {
  let h = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
  return hash(h, seed);
}

/** Lower-case hex digits derived from a key: FIGIs, request ids and UUIDs that never change between runs. */
export function hexOf(key: number, digits: number): string {
  let text = '';
  for (let part = 0; text.length < digits; part++) text += hash(key, part, 77).toString(16).padStart(8, '0');
  return text.slice(0, digits);
}

/** Sort order of symbols: plain code units, never a locale's, so `KIMpL` and `KIMPL` have one order everywhere. */
export function byCodeUnit(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
