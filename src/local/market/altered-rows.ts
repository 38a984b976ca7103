import type { BarRow } from './market-source.ts';
import type { MisbehaviourName } from './misbehaviour.ts';
import { unit } from './noise.ts';
import { textKey } from './text-key.ts';

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
