import type { KillPoint } from './nights.ts';

const before = (write: string, nth = 1): KillPoint => ({ phase: 'before', write, nth });
const after = (write: string, nth = 1): KillPoint => ({ phase: 'after', write, nth });
const torn = (write: string, nth = 1): KillPoint => ({ phase: 'torn', write, nth });

/** The resampler's files: what it has spilled lies beside them at that moment. */
export const SILVER = 'rename lake/silver/*';

/**
 * A night that is killed, run again, killed again at a later point, and so on, and in the end left alone: from its
 * beginning to its end, so that each write is still ahead when its turn to be killed comes. These are the writes of real
 * processes on a real disk: locks, the databases' own files, files of the lake while they are swapped. Kills between any
 * two effects are the simulator's (test/simulation).
 */
export const NIGHT: readonly KillPoint[] = [
  torn('write owner.flock'),
  after('rename home.lock'),
  torn('write warehouse/pgdata', 60),
  // Held while one version of a file is swapped for another.
  torn('writeFile lake/.tmp/lock-*', 5),
  before('rm home.lock'),
];

/** A home that has nothing yet. */
export const FIRST_NIGHT: readonly KillPoint[] = [
  after('CreateTable tickers'),
  torn('copyFile warehouse/pgdata.new-*', 250),
  after('CREATE TABLE IF NOT EXISTS stock_prices'),
  after(SILVER),
];
