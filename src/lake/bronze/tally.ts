import type { BarColumns } from './bar-columns.ts';

/**
 * Order-free fingerprints by day: rows of one day may come from many symbols in any order (workers finish as they
 * will), so hashes are added. What it is for: the resampler sees by them that rows outside the session files changed.
 */
export class Tally {
  private readonly days = new Map<number, [number, number]>();

  add(day: number, [a, b]: readonly [number, number]): void {
    const sums = this.days.get(day) ?? [0, 0];
    this.days.set(day, [(sums[0] + a) >>> 0, (sums[1] + b) >>> 0]);
  }

  /** Day → 16 hex digits. */
  entries(): [day: number, digest: string][] {
    return [...this.days].map(([day, [a, b]]) => [day, hex(a) + hex(b)]);
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

function hex(word: number): string {
  return word.toString(16).padStart(8, '0');
}
