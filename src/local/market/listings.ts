import { sessionNumber } from '../../calendar/sessions.ts';
import { nameListings } from './listing-names.ts';
import { unit } from './noise.ts';
import { type NamedSymbol, ODD_SYMBOLS } from './odd-symbols.ts';
import { textKey } from './text-key.ts';

/** A split takes effect at the opening of session number `session`. */
export interface ListingSplit {
  session: number;
  from: number;
  to: number;
}

/** One generated security with everything that decides its rows and bars. Sessions are calendar session numbers. */
export interface Listing extends NamedSymbol {
  key: number;
  /** First session with a bar; -Infinity when it was listed before the served history. */
  born: number;
  /** First session without it; Infinity when it is never delisted. */
  died: number;
  splits: ListingSplit[];
  /** Natural logarithm of its middle price in USD on today's share basis. */
  baseLog: number;
  /** Scale of a daily log return; the largest move is about seven times this. */
  sigma: number;
  baseVolume: number;
}

const LATE_SHARE = 0.06;
const DELISTED_SHARE = 0.04;
const SPLIT_EVERY = 40;
// About 1.1 % of all listings are still to come and 3.3 % are gone in the middle 2020s.
const ACTIVE_SHARE = 0.956;
const RATIOS: readonly (readonly [from: number, to: number])[] = [
  [1, 2],
  [10, 1],
  [1, 4],
  [20, 1],
  [2, 3],
  [1, 10],
];

/** A session of life events: half of them anywhere since 1991, half in recent and coming years. */
function eventSession(key: number, stream: number): number {
  const last = sessionNumber('2029-12-31');
  const first = unit(key, stream, 1) < 0.5 ? sessionNumber('1991-01-02') : sessionNumber('2019-01-02');
  return first + Math.floor(unit(key, stream, 2) * (last - first));
}

function lifeOf(key: number): { born: number; died: number } {
  const draw = unit(key, 20);
  if (draw < LATE_SHARE) return { born: eventSession(key, 21), died: Number.POSITIVE_INFINITY };
  if (draw < LATE_SHARE + DELISTED_SHARE) return { born: Number.NEGATIVE_INFINITY, died: eventSession(key, 22) };
  return { born: Number.NEGATIVE_INFINITY, died: Number.POSITIVE_INFINITY };
}

/** Every 40th listing splits once in 2015–2026, every third of those twice, forward and reverse in turn. */
function splitsOf(index: number, key: number, life: { born: number; died: number }): ListingSplit[] {
  if (index % SPLIT_EVERY !== 3) return [];
  const turn = Math.floor(index / SPLIT_EVERY);
  const first = sessionNumber('2015-01-02');
  const span = sessionNumber('2026-12-31') - first;
  const count = turn % 3 === 2 ? 2 : 1;
  const splits = Array.from({ length: count }, (_, i) => {
    const [from, to] = RATIOS[(turn + i) % RATIOS.length]!;
    // Two splits of one listing lie in the two halves, so they never share a session.
    const part = (i + unit(key, 30, i)) / count;
    return { session: first + Math.floor(part * span), from, to };
  });
  return splits.filter(({ session }) => session > life.born && session < life.died);
}

function listingOf(name: NamedSymbol, index: number, seed: number): Listing {
  const key = textKey(name.ticker, seed);
  const life =
    index < ODD_SYMBOLS.length ? { born: Number.NEGATIVE_INFINITY, died: Number.POSITIVE_INFINITY } : lifeOf(key);
  const [low, high] = name.market === 'otc' ? [0.1, 20] : [4, 300];
  return {
    ...name,
    key,
    ...life,
    splits: splitsOf(index, key, life),
    baseLog: Math.log(low) + unit(key, 40) * Math.log(high / low),
    sigma: name.type === 'ETF' ? 0.003 + unit(key, 41) * 0.006 : 0.006 + unit(key, 41) * 0.014,
    baseVolume: 10 ** (3.2 + unit(key, 42) * (name.market === 'otc' ? 2 : 3.8)),
  };
}

/** The whole universe of a seed, sized so that about `symbols` of its listings are active today. */
export function generateListings(symbols: number, seed: number): Listing[] {
  const names = nameListings(Math.round(symbols / ACTIVE_SHARE), seed);
  return names.map((name, index) => listingOf(name, index, seed));
}
