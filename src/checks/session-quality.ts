import type { Bar } from '../records/bar.ts';
import { percent } from './change-budget.ts';

/** Gates a staged session passes before it is published (DESIGN 2). Shares are of one, not percent. */
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
  bars: readonly Bar[];
  rejected: number;
  /** Row counts of up to 20 sessions before this one, any order. */
  earlierRows: readonly number[];
  /** Closes of the session before by symbol; empty when it is not held. */
  previous: ReadonlyMap<string, number>;
  /** Symbols of the version of this very session that is served now; empty when there is none. */
  served: ReadonlySet<string>;
}

export interface SessionVerdict {
  date: string;
  /** Why the session is held back; empty = publish. */
  holds: string[];
  /** Worth a look, holds nothing. */
  notes: string[];
}

/** Pure: decides publish or hold for one staged session. */
export function judgeSession(evidence: SessionEvidence, limits: SessionLimits = SESSION_LIMITS): SessionVerdict {
  const { date, bars, rejected, earlierRows, previous, served } = evidence;
  const holds: string[] = [];
  const rows = bars.length;
  if (rows === 0) holds.push(`${date}: no usable row`);

  if (earlierRows.length >= limits.bandNeeds) {
    const usual = median(earlierRows);
    if (usual >= limits.minimum && (rows < usual * limits.rowsAtLeast || rows > usual * limits.rowsAtMost)) {
      holds.push(
        `${date}: ${rows} rows, usual are ${usual} (band ${Math.ceil(usual * limits.rowsAtLeast)} to ${Math.floor(usual * limits.rowsAtMost)} from the last ${earlierRows.length} sessions)`,
      );
    }
  }
  const symbols = new Set(bars.map((bar) => bar.symbol));
  for (const [label, before] of [
    ['the session beside it', previous],
    ['what is served for this session', served],
  ] as const) {
    const gone = [...before.keys()].filter((symbol) => !symbols.has(symbol)).length;
    if (before.size >= limits.minimum && gone > before.size * limits.vanished) {
      holds.push(
        `${date}: ${gone} of the ${before.size} symbols of ${label} are missing (${percent(gone / before.size)}; at most ${percent(limits.vanished)})`,
      );
    }
  }
  if (rows + rejected >= limits.minimum && rejected > (rows + rejected) * limits.rejected) {
    holds.push(
      `${date}: ${rejected} of ${rows + rejected} rows were rejected (${percent(rejected / (rows + rejected))}; at most ${percent(limits.rejected)})`,
    );
  }
  const { holds: jumpHolds, notes } = judgeJumps(date, bars, previous, limits);
  return { date, holds: [...holds, ...jumpHolds], notes };
}

function judgeJumps(
  date: string,
  bars: readonly Bar[],
  previous: ReadonlyMap<string, number>,
  limits: SessionLimits,
): { holds: string[]; notes: string[] } {
  let compared = 0;
  const jumps: string[] = [];
  for (const bar of bars) {
    const before = previous.get(bar.symbol);
    if (before === undefined) continue;
    compared += 1;
    if (Math.abs(bar.close / before - 1) >= limits.jump) jumps.push(`${bar.symbol} ${before} → ${bar.close}`);
  }
  if (compared >= limits.minimum && jumps.length > compared * limits.jumping) {
    return {
      holds: [
        `${date}: ${jumps.length} of ${compared} closes moved by ${percent(limits.jump)} or more against the session beside it (at most ${percent(limits.jumping)} may)`,
      ],
      notes: [],
    };
  }
  const shown = jumps.slice(0, 5).join(', ') + (jumps.length > 5 ? ', …' : '');
  return { holds: [], notes: jumps.length > 0 ? [`${date}: ${jumps.length} large moves: ${shown}`] : [] };
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}
