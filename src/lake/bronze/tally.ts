import type { BarColumns } from './bar-columns.ts';

/**
 * Order-free fingerprints by name or day: what is counted under one of them comes in any order (workers and shards
 * finish as they will), so hashes are added.
 */
export class Tally<K = number> {
  private readonly sums = new Map<K, [number, number]>();

  add(name: K, [a, b]: readonly [number, number]): void {
    const sums = this.sums.get(name);
    if (sums) {
      sums[0] = (sums[0] + a) >>> 0;
      sums[1] = (sums[1] + b) >>> 0;
    } else this.sums.set(name, [a >>> 0, b >>> 0]);
  }

  /** Adds a digest of another tally. */
  addDigest(name: K, digest: string): void {
    this.add(name, [Number.parseInt(digest.slice(0, 8), 16), Number.parseInt(digest.slice(8), 16)]);
  }

  /** Name → 16 hex digits. */
  entries(): [name: K, digest: string][] {
    return [...this.sums].map(([name, [a, b]]) => [name, hex(a) + hex(b)]);
  }
}

const scratch = new Float64Array(1);
const words = new Uint32Array(scratch.buffer);

/** Two 32-bit hashes of a row's symbol and the values that silver is made of. */
export function rowHash(symbol: string, bars: BarColumns, row: number): [number, number] {
  let a = 0x811c9dc5;
  let b = 0x1b873593;
  const mix = (word: number) => {
    a = Math.imul(a ^ word, 0x85ebca6b);
    a ^= a >>> 13;
    b = Math.imul(b + word, 0xc2b2ae35);
    b ^= b >>> 16;
  };
  for (let i = 0; i < symbol.length; i++) mix(symbol.charCodeAt(i));
  for (const column of [bars.open, bars.high, bars.low, bars.close, bars.volume]) {
    scratch[0] = column[row]!;
    mix(words[0]!);
    mix(words[1]!);
  }
  return [a >>> 0, b >>> 0];
}

/** Two 32-bit hashes of a text. */
export function textHash(text: string): [number, number] {
  let a = 0x811c9dc5;
  let b = 0x1b873593;
  for (let i = 0; i < text.length; i++) {
    const word = text.charCodeAt(i);
    a = Math.imul(a ^ word, 0x85ebca6b);
    a ^= a >>> 13;
    b = Math.imul(b + word, 0xc2b2ae35);
    b ^= b >>> 16;
  }
  return [a >>> 0, b >>> 0];
}

function hex(word: number): string {
  return word.toString(16).padStart(8, '0');
}
