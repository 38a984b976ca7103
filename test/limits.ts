/**
 * Ends what hangs, and decides nothing else: on a machine many times slower, or with many at work, every test ends the
 * same way. No test, and no program that one starts, has a shorter limit of its own.
 */
export const HANGS_MS = 30 * 60_000;
