/** How far one sync may move a reference dataset before a person has to look (docs/design.md, Verdicts). Shares are of one. */
export interface Budget {
  /** Of the active rows, that may vanish at once. */
  vanished: number;
  /** New rows, of the active rows before. */
  added: number;
  /** Of the rows there before and after, that may change or lose one and the same field. */
  flipped: number;
  /** Of the rows answered, that may be rejected. */
  rejected: number;
  /** Rows against the median of the syncs before: at least, at most. Catches what creeps below the daily limits. */
  rowsAtLeast: number;
  rowsAtMost: number;
  /** Syncs needed before the band says anything. */
  bandNeeds: number;
  /** Below this many known rows shares say nothing; everything passes. */
  minimum: number;
}

export const REFERENCE_BUDGET: Budget = {
  vanished: 0.1,
  added: 0.1,
  flipped: 0.3,
  rejected: 0.05,
  rowsAtLeast: 0.8,
  rowsAtMost: 1.25,
  bandNeeds: 5,
  minimum: 20,
};

/** The row band looks at so many syncs. */
export const BAND_SYNCS = 20;

export interface Movement {
  /** Active rows before the sync. */
  before: number;
  seen: number;
  vanished: number;
  added: number;
  rejected: number;
  /** Rows there before and after. */
  stayed: number;
  /** Of those, how many changed or lost a field, by field. */
  flips: Readonly<Record<string, number>>;
  /** Row counts of the last syncs, any order. */
  recentRows: readonly number[];
}

/** Pure: the reasons to hold a dataset; none means publish. */
export function overBudget(dataset: string, movement: Movement, limits: Partial<Budget> = {}): string[] {
  const budget = { ...REFERENCE_BUDGET, ...limits };
  return [...moved(movement, budget), ...flipped(movement, budget), ...outOfBand(movement, budget)].map(
    (reason) => `${dataset}: ${reason}`,
  );
}

function moved({ before, seen, vanished, added, rejected }: Movement, budget: Budget): string[] {
  const reasons: string[] = [];
  if (before >= budget.minimum && vanished > before * budget.vanished) {
    reasons.push(
      `${vanished} of ${before} active rows are missing from the answer (${percent(vanished / before)}; at most ${percent(budget.vanished)} may vanish in one sync)`,
    );
  }
  if (before >= budget.minimum && added > before * budget.added) {
    reasons.push(
      `${added} rows are new to ${before} active ones (${percent(added / before)}; at most ${percent(budget.added)} in one sync)`,
    );
  }
  const answered = seen + rejected;
  if (answered >= budget.minimum && rejected > answered * budget.rejected) {
    reasons.push(
      `${rejected} of ${answered} rows were rejected (${percent(rejected / answered)}; at most ${percent(budget.rejected)})`,
    );
  }
  return reasons;
}

function flipped({ stayed, flips }: Movement, budget: Budget): string[] {
  if (stayed < budget.minimum) return [];
  const over = Object.entries(flips).filter(([, count]) => count > stayed * budget.flipped);
  return over
    .sort(([, a], [, b]) => b - a)
    .map(
      ([field, count]) =>
        `${count} of ${stayed} rows changed or lost their ${field} (${percent(count / stayed)}; at most ${percent(budget.flipped)} in one sync)`,
    );
}

function outOfBand({ seen, recentRows }: Movement, budget: Budget): string[] {
  if (recentRows.length < budget.bandNeeds) return [];
  const usual = median(recentRows);
  const [least, most] = [Math.ceil(usual * budget.rowsAtLeast), Math.floor(usual * budget.rowsAtMost)];
  if (usual < budget.minimum || (seen >= least && seen <= most)) return [];
  return [`${seen} rows, usually ${usual} (band ${least} to ${most} from the last ${recentRows.length} syncs)`];
}

/** The middle value; of an even number the upper of the two. */
function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
}

export function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}
