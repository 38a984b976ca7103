import { textKey, unit } from './noise.ts';
import type { Misbehaviour, MisbehaviourName, RouteName } from './routes.ts';
import type { BarRow } from './source.ts';

/** These answer instead of the route, so only one of them can be in force for a request. */
const REFUSALS: readonly MisbehaviourName[] = ['unauthorized', 'rate-limit', 'server-error', 'before-end-of-day'];

/** Counts down what was wished for. */
export class MisbehaviourLedger {
  readonly #left: { rule: Misbehaviour; times: number }[];
  readonly #met = new Set<Misbehaviour>();
  #refused = 0;

  constructor(rules: readonly Misbehaviour[]) {
    this.#left = rules.map((rule) => ({ rule: rule, times: rule.times }));
  }

  /**
   * What is in force for the next request of a route; each rule in force has one request less to go. Of several
   * refusals the first wished for acts alone, so `rate-limit:2, server-error:1` is two 429 and then one 502.
   */
  take(route: RouteName): Set<MisbehaviourName> {
    const live = this.#left.filter(({ rule, times }) => times > 0 && rule.routes.includes(route));
    const refusal = live.find(({ rule }) => REFUSALS.includes(rule.name));
    const acting = refusal === undefined ? live : [refusal];
    const seen = new Set<MisbehaviourName>();
    for (const entry of acting) {
      if (seen.has(entry.rule.name)) continue;
      seen.add(entry.rule.name);
      this.#met.add(entry.rule);
      entry.times -= 1;
    }
    return seen;
  }

  /** Numbers the 429s from 1: every second one comes with an empty body. */
  nextRefusal(): number {
    this.#refused += 1;
    return this.#refused;
  }

  /** The rules that no request met: nobody asked a route of theirs. */
  unmet(): Misbehaviour[] {
    return this.#left.flatMap(({ rule }) => (this.#met.has(rule) ? [] : [rule]));
  }
}

type Row = object;
type Spoil = (row: Record<string, unknown>) => Record<string, unknown>;

const SPOILT_BARS: readonly Spoil[] = [
  (row) => ({ ...row, o: String(row.o) }),
  (row) => ({ ...row, c: null }),
  (row) => ({ ...row, l: -Number(row.l) }),
  (row) => ({ ...row, h: Number(row.l) * 0.9 }),
  (row) => ({ ...row, v: 'n/a' }),
  (row) => ({ ...row, T: 20240102 }),
];

const SPOILT_LISTINGS: readonly Spoil[] = [
  (row) => Object.fromEntries(Object.entries(row).map(([key, value]) => [key, key === 'name' ? null : value])),
  (row) => spoilKey(row, 12345),
  (row) => spoilKey(row, null),
];

/** Companies are often asked for one by one, so the first way must spoil whatever it meets. */
const SPOILT_COMPANIES: readonly Spoil[] = [
  (row) => ({ ...row, dcf: 'n/a', marketCap: 'n/a', market_cap: 'n/a' }),
  (row) => spoilKey(row, 12345),
];

function waysFor(row: Row | undefined): readonly Spoil[] {
  if (row === undefined || 'T' in row) return SPOILT_BARS;
  return 'dcf' in row || 'ipoDate' in row || 'list_date' in row ? SPOILT_COMPANIES : SPOILT_LISTINGS;
}

function spoilKey(row: Record<string, unknown>, value: unknown): Record<string, unknown> {
  const key = 'ticker' in row ? 'ticker' : 'symbol';
  return { ...row, [key]: value };
}

/** Spoils one row for each way of spoiling, spread evenly, so most of an answer stays good. */
function wrongTypes(rows: readonly Row[]): Row[] {
  const spoils = waysFor(rows[0]);
  const spoilt = [...rows];
  const count = Math.min(spoils.length, rows.length);
  for (let i = 0; i < count; i++) {
    const index = Math.floor((i * rows.length) / count);
    spoilt[index] = spoils[i]!(rows[index] as Record<string, unknown>);
  }
  return spoilt;
}

function corrected(row: BarRow): BarRow {
  const towards = row.h - row.c > row.c - row.l ? row.h : row.l;
  // Halfway to a bound stays inside the bar, so the corrected row is as valid as the first one.
  return { ...row, c: Math.round(((row.c + towards) / 2) * 1e4) / 1e4, v: Math.round(row.v * 1.01) + 1 };
}

/** Other closes and volumes for one symbol in a hundred (at least one), the same ones each time. */
export function lateCorrection(rows: readonly BarRow[], date: string): BarRow[] {
  const count = Math.max(1, Math.round(rows.length / 100));
  const ranked = rows.map((row, index) => ({ index, rank: unit(textKey(row.T, 3), textKey(date, 3)) }));
  const chosen = new Set(
    ranked
      .sort((a, b) => a.rank - b.rank || a.index - b.index)
      .slice(0, count)
      .map(({ index }) => index),
  );
  return rows.map((row, index) => (chosen.has(index) ? corrected(row) : row));
}

/** What `half-missing` and `wrong-types` make of the rows of one answer; every second row goes, or a few are spoilt. */
export function alterRows(rows: readonly Row[], active: ReadonlySet<MisbehaviourName>): readonly Row[] {
  const kept = active.has('half-missing') ? rows.filter((_, index) => index % 2 === 0) : rows;
  return active.has('wrong-types') ? wrongTypes(kept) : kept;
}

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
