/** How far one sync may move a reference dataset before a person has to look (DESIGN decision 12). */
export interface Budget {
  /** Share of the active rows that may vanish at once. */
  vanished: number;
  /** Share of rows that may be rejected. */
  rejected: number;
  /** Below this many known rows shares say nothing; everything passes. */
  minimum: number;
}

export const REFERENCE_BUDGET: Budget = { vanished: 0.1, rejected: 0.05, minimum: 20 };

export interface Movement {
  /** Active rows before the sync. */
  before: number;
  seen: number;
  vanished: number;
  rejected: number;
}

/** Pure: the reasons to hold a dataset; none means publish. */
export function overBudget(dataset: string, movement: Movement, budget: Budget = REFERENCE_BUDGET): string[] {
  const { before, seen, vanished, rejected } = movement;
  const reasons: string[] = [];
  if (before >= budget.minimum && vanished > before * budget.vanished) {
    reasons.push(
      `${dataset}: ${vanished} of ${before} active rows are missing from the answer (${percent(vanished / before)}; at most ${percent(budget.vanished)} may vanish in one sync)`,
    );
  }
  const answered = seen + rejected;
  if (answered >= budget.minimum && rejected > answered * budget.rejected) {
    reasons.push(
      `${dataset}: ${rejected} of ${answered} rows were rejected (${percent(rejected / answered)}; at most ${percent(budget.rejected)})`,
    );
  }
  return reasons;
}

export function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}
