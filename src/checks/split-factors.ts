import type { Split } from '../records/split.ts';

/** A day of a symbol for which the vendor's cumulative factor is not the product of the splits in the list. */
export interface FactorDifference {
  symbol: string;
  executionDate: string;
  /** What prices before the day are multiplied by. */
  ours: number;
  vendors: number;
}

/** The vendor gives six decimals of a product of rounded ratios. */
const [RELATIVE, ABSOLUTE] = [1e-4, 1e-6];

/**
 * Pure: `historical_adjustment_factor` is the product of a split and all later ones, so that it tells of a split that
 * the list lacks, has twice or has at another ratio. Of several splits on a day one has the product of all; whether it
 * counts splits that are only announced the vendor does not say, so both readings are right.
 * @param session newest session; later splits are announced ones
 */
export function factorDifferences(splits: readonly Split[], session: string): FactorDifference[] {
  const bySymbol = new Map<string, Split[]>();
  for (const split of splits) bySymbol.set(split.symbol, [...(bySymbol.get(split.symbol) ?? []), split]);
  return [...bySymbol.values()].flatMap((own) => differencesOf(own, session));
}

function differencesOf(splits: readonly Split[], session: string): FactorDifference[] {
  const found: FactorDifference[] = [];
  const days = [...new Set(splits.map(({ executionDate }) => executionDate))].sort();
  for (const executionDate of days) {
    const onDay = splits.filter((split) => split.executionDate === executionDate);
    const vendors = onDay.flatMap(({ historicalAdjustmentFactor: factor }) => factor ?? []);
    if (vendors.length === 0) continue;
    const since = splits.filter((split) => split.executionDate >= executionDate);
    const inForce = since.filter((split) => split.executionDate <= session);
    const ours = inForce.length > 0 ? productOf(inForce) : productOf(since);
    const products = [ours, productOf(since)];
    if (vendors.some((factor) => products.some((product) => isClose(factor, product)))) continue;
    found.push({ symbol: onDay[0]!.symbol, executionDate, ours, vendors: vendors[0]! });
  }
  return found;
}

function productOf(splits: readonly Split[]): number {
  const product = (field: 'splitFrom' | 'splitTo') => splits.reduce((all, split) => all * split[field], 1);
  return product('splitFrom') / product('splitTo');
}

function isClose(a: number, b: number): boolean {
  return Math.abs(a - b) <= Math.max(b * RELATIVE, ABSOLUTE);
}
