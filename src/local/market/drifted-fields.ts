import type { MisbehaviourName } from './misbehaviour.ts';

type Row = object;

/**
 * What `field-removed` takes from every row of a list and `field-added` gives it. Of assets it is what Alpaca announced
 * for 2026: `borrow_status` since 2026-06-05, the other two gone from 2026-09-22 on
 * (docs.alpaca.markets/us/changelog/2026-06-05-borrow-status-6b96a5a and 2026-07-16-asset-fields-4be5238).
 */
const DRIFTS = {
  assets: {
    removed: ['easy_to_borrow', 'maintenance_margin_requirement'],
    added: (row: Record<string, unknown>) => ({
      borrow_status: row.easy_to_borrow === true ? 'easy_to_borrow' : 'hard_to_borrow',
    }),
  },
  tickers: { removed: ['currency_name'], added: () => ({ round_lot: 100 }) },
} as const;

/** The rows of one answer as the vendor sends them once it has changed its schema. */
export function driftFields(
  route: keyof typeof DRIFTS,
  rows: readonly Row[],
  active: ReadonlySet<MisbehaviourName>,
): readonly Row[] {
  const [isRemoved, isAdded] = [active.has('field-removed'), active.has('field-added')];
  if (!isRemoved && !isAdded) return rows;
  const { removed, added }: { removed: readonly string[]; added: (row: Record<string, unknown>) => object } =
    DRIFTS[route];
  return rows.map((row) => {
    const fields = Object.entries(row).filter(([field]) => !isRemoved || !removed.includes(field));
    return { ...Object.fromEntries(fields), ...(isAdded && added(row as Record<string, unknown>)) };
  });
}
