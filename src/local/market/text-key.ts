import { hash } from './noise.ts';

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
