export const READERS = ['status', 'query', 'query --warehouse', 'report'] as const;
export type Reader = (typeof READERS)[number];
export const SIGNALS = ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGKILL'] as const;
export type Signal = (typeof SIGNALS)[number];

/** What happens beside one night; milliseconds count from its start. */
export interface NightPlan {
  readers: { reader: Reader; afterMs: number }[];
  /** Sent to the night, which is then run again. */
  signal?: { name: Signal; afterMs: number };
  /** A second `night` for the same session. */
  second?: { afterMs: number };
  /** Pages asked of each long-running server. */
  pages: number;
}

const READERS_AT_MOST = 4;
const READER_WITHIN_MS = 4_000;
const SIGNAL_WITHIN_MS = 3_500;
const SECOND_WITHIN_MS = 3_000;
const SIGNALLED = 0.4;
const SECONDED = 0.3;
const PAGES_AT_MOST = 10;

/** The same seed draws the same nights, however many are asked for. */
export function planNights(nights: number, seed: number): NightPlan[] {
  const draw = random(seed);
  const below = (limit: number) => Math.floor(draw() * limit);
  return Array.from({ length: nights }, () => {
    const readers = Array.from({ length: 1 + below(READERS_AT_MOST) }, () => ({
      reader: READERS[below(READERS.length)]!,
      afterMs: below(READER_WITHIN_MS),
    }));
    const signalled = draw() < SIGNALLED;
    const signal = { name: SIGNALS[below(SIGNALS.length)]!, afterMs: below(SIGNAL_WITHIN_MS) };
    const seconded = draw() < SECONDED;
    const second = { afterMs: below(SECOND_WITHIN_MS) };
    return { readers, ...(signalled ? { signal } : {}), ...(seconded ? { second } : {}), pages: below(PAGES_AT_MOST) };
  });
}

/** mulberry32 */
function random(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
