import type { Bar } from '../records/bar.ts';
import { counted, figure } from '../text.ts';
import { percent } from './change-budget.ts';

/** Gates a staged session passes before it is published (docs/design.md, A night, step by step). Shares are of one, not percent. */
export interface SessionLimits {
  /** Rows against the median of the sessions before: at least, at most. */
  rowsAtLeast: number;
  rowsAtMost: number;
  /** Sessions needed before the row band says anything. */
  bandNeeds: number;
  vanished: number;
  rejected: number;
  /** A move of this size from the previous close is a jump … */
  jump: number;
  /** … and more than this share of the symbols jumping at once holds the session. */
  jumping: number;
  /** Below this many symbols shares say nothing. */
  minimum: number;
}

export const SESSION_LIMITS: SessionLimits = {
  rowsAtLeast: 0.9,
  rowsAtMost: 1.25,
  bandNeeds: 5,
  vanished: 0.1,
  rejected: 0.05,
  jump: 0.4,
  jumping: 0.02,
  minimum: 20,
};

export interface SessionEvidence {
  date: string;
  /** The rows that came and are good. */
  bars: readonly Bar[];
  /** Symbols whose row was refused and whose served bar stays: neither vanished nor rows less. */
  kept?: ReadonlySet<string>;
  rejected: number;
  /** Row counts of up to 20 sessions before this one, any order. */
  earlierRows: readonly number[];
  /** The session `previous` is of; where history grows backwards, the one after. */
  beside: string;
  /** Closes of that session by symbol; empty when it is not held. */
  previous: ReadonlyMap<string, number>;
  /** Closes of the version of this very session that is served now; empty when there is none. */
  served: ReadonlyMap<string, number>;
  /** Splits on file by symbol; undefined while nobody fetched any. */
  splits?: ReadonlyMap<string, readonly KnownSplit[]>;
}

export interface SessionVerdict {
  date: string;
  /** Why the session is held back; empty = publish. */
  holds: string[];
  /** Worth a look, holds nothing. */
  notes: string[];
}

const NONE: ReadonlySet<string> = new Set();

/** Pure: decides publish or hold for one staged session. */
export function judgeSession(evidence: SessionEvidence, limits: SessionLimits = SESSION_LIMITS): SessionVerdict {
  const { date, bars, kept = NONE, rejected, earlierRows, previous, served } = evidence;
  const holds: string[] = [];
  const rows = bars.length;
  if (rows === 0) holds.push(`${date}: no usable row`);

  if (earlierRows.length >= limits.bandNeeds) {
    const usual = median(earlierRows);
    const all = rows + kept.size;
    if (usual >= limits.minimum && (all < usual * limits.rowsAtLeast || all > usual * limits.rowsAtMost)) {
      holds.push(
        `${date}: ${counted(all, 'row')}, usually ${figure(usual)} (band ${figure(Math.ceil(usual * limits.rowsAtLeast))} to ${figure(Math.floor(usual * limits.rowsAtMost))} from the last ${counted(earlierRows.length, 'session')})`,
      );
    }
  }
  const symbols = new Set(bars.map((bar) => bar.symbol));
  for (const [label, before] of [
    ['the adjacent session', previous],
    ['what is served for this session', served],
  ] as const) {
    const gone = [...before.keys()].filter((symbol) => !symbols.has(symbol) && !kept.has(symbol)).length;
    if (before.size >= limits.minimum && gone > before.size * limits.vanished) {
      holds.push(
        `${date}: ${figure(gone)} of the ${counted(before.size, 'symbol')} of ${label} are missing (${percent(gone / before.size)}; at most ${percent(limits.vanished)})`,
      );
    }
  }
  if (rows + rejected >= limits.minimum && rejected > (rows + rejected) * limits.rejected) {
    holds.push(
      `${date}: ${figure(rejected)} of ${counted(rows + rejected, 'row')} ${rejected === 1 ? 'was' : 'were'} rejected (${percent(rejected / (rows + rejected))}; at most ${percent(limits.rejected)})`,
    );
  }
  const jumps = jumpsOf(bars, previous, limits).filter((jump) => !isExplained(jump, evidence));
  const jumpHolds = tooMany(jumps, previous, 'the adjacent session', evidence, limits);
  // An answer on another price basis, adjusted bars for instance, would rewrite history.
  const rebased = tooMany(jumpsOf(bars, served, limits), served, 'what is served for this session', evidence, limits);
  const notes = jumpHolds.length > 0 ? [] : jumpNotes(date, jumps, evidence);
  return { date, holds: [...holds, ...jumpHolds, ...rebased], notes };
}

interface Jump {
  symbol: string;
  before: number;
  after: number;
}

function jumpsOf(bars: readonly Bar[], closes: ReadonlyMap<string, number>, { jump }: SessionLimits): Jump[] {
  return bars.flatMap(({ symbol, close: after }) => {
    const before = closes.get(symbol);
    return before !== undefined && Math.abs(after / before - 1) >= jump ? [{ symbol, before, after }] : [];
  });
}

/** A split on file between the two sessions leaves less than a jump. */
function isExplained({ symbol, before, after }: Jump, { date, beside, splits }: SessionEvidence): boolean {
  const factor = splitFactorBetween(splits?.get(symbol) ?? [], beside, date);
  if (factor === undefined) return false;
  // Where history grows backwards the later close is the baseline.
  const expected = beside < date ? before * factor : before / factor;
  return Math.abs(after / expected - 1) < SESSION_LIMITS.jump;
}

function tooMany(
  jumps: readonly Jump[],
  closes: ReadonlyMap<string, number>,
  label: string,
  { date, bars }: SessionEvidence,
  limits: SessionLimits,
): string[] {
  const compared = bars.filter(({ symbol }) => closes.has(symbol)).length;
  if (compared < limits.minimum || jumps.length <= compared * limits.jumping) return [];
  return [
    `${date}: ${figure(jumps.length)} of ${counted(compared, 'close')} moved by ${percent(limits.jump)} or more against ${label} (at most ${percent(limits.jumping)} may)`,
  ];
}

/** Single jumps: those that look like a split nobody told of, each by name, then the others. */
function jumpNotes(date: string, jumps: readonly Jump[], { beside, splits }: SessionEvidence): string[] {
  const notes: string[] = [];
  const others: string[] = [];
  for (const { symbol, before, after } of jumps) {
    const move = `${symbol} ${before} → ${after}`;
    const ratio = beside < date ? splitLike(before, after) : splitLike(after, before);
    if (ratio)
      notes.push(`${date}: ${move} looks like a ${ratio} split, and ${splits ? 'none is' : 'no splits are'} on file`);
    else others.push(move);
  }
  if (others.length > 0) {
    const shown = others.slice(0, 5).join(', ') + (others.length > 5 ? ', …' : '');
    notes.push(`${date}: ${counted(others.length, 'large move')}: ${shown}`);
  }
  return notes;
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}

/** A split as it stands in `reference/splits`: `split_from` old shares became `split_to` new ones. */
export interface KnownSplit {
  /** First session on the new basis, YYYY-MM-DD. */
  execution_date: string;
  split_from: number;
  split_to: number;
}

/** Ratios companies really use, new shares to old ones; the reverse of each as well. */
const RATIOS: readonly (readonly [more: number, fewer: number])[] = [
  ...[2, 3, 4, 5, 6, 7, 8, 10, 12, 15, 20, 25, 30, 40, 50, 100].map((more) => [more, 1] as const),
  [3, 2],
  [5, 2],
];

/** A split day has a market move of its own. */
const TOLERANCE = 0.05;

/**
 * The split ratio, new shares to old ones (`7:1`; `1:10` for a reverse split), that a move from one close to the next
 * is close to; undefined when it is close to none. Of two candidates the nearer one.
 */
export function splitLike(before: number, after: number): string | undefined {
  let best: { distance: number; name: string } | undefined;
  for (const [more, fewer] of RATIOS) {
    for (const [to, from] of [
      [more, fewer],
      [fewer, more],
    ] as const) {
      const distance = Math.abs(((after / before) * to) / from - 1);
      if (distance <= TOLERANCE && (!best || distance < best.distance)) best = { distance, name: `${to}:${from}` };
    }
  }
  return best?.name;
}

/**
 * The factor of the splits that became effective after one session and by the other, whichever is first; undefined
 * without any.
 */
export function splitFactorBetween(splits: readonly KnownSplit[], a: string, b: string): number | undefined {
  const [first, last] = a < b ? [a, b] : [b, a];
  const between = splits.filter(({ execution_date }) => execution_date > first && execution_date <= last);
  if (between.length === 0) return undefined;
  return between.reduce((factor, { split_from, split_to }) => (factor * split_from) / split_to, 1);
}
