/** What makes a security the same one whatever it is called: FIGIs, or the id a broker gave it. Any may be unknown. */
export interface Identity {
  figi?: string;
  shareClassFigi?: string;
  assetId?: string;
}

export interface Listed extends Identity {
  symbol: string;
}

/** One symbol's time with one security, from its first session to the first without it (half-open; null: still). */
export interface HistoryRow extends Listed {
  validFrom: string;
  validTo: string | null;
  /** Why it begins: `first seen`, `listed`, `listed again`, `renamed from X`, `symbol reused`. */
  reason: string;
  /** Why it ends: `no longer listed`, `renamed to Y`, `symbol passed on`; null while it lasts. */
  ending: string | null;
  /** Where it begins with a list of the past that was fetched later; absent: with the list of a night. */
  source?: 'backfill';
}

/** A row with the session from which its company carries the symbol, over all rows of the company that follow one another. */
export interface CompanyRow extends HistoryRow {
  companyFrom: string;
}

/**
 * Pure: tells the companies behind a symbol apart. A new one begins with the row that names another security than what
 * was last known of the one before; a row that names none continues it, because nothing says otherwise.
 * @param rows every row of a dataset, by symbol and in order of validFrom
 */
export function companiesOf(rows: readonly HistoryRow[]): CompanyRow[] {
  let symbol: string | undefined;
  let companyFrom = '';
  let known: Identity = {};
  return rows.map((row) => {
    if (row.symbol !== symbol || isOther(known, row)) {
      companyFrom = row.validFrom;
      known = {};
    }
    symbol = row.symbol;
    for (const kind of KINDS) if (row[kind] !== undefined) known = { ...known, [kind]: row[kind] };
    return { ...row, companyFrom };
  });
}

/** The date a list counts from: its session, or a later one that a list was already recorded for. */
export function historyDate(latest: readonly HistoryRow[], session: string): string {
  return latest.reduce((newest, { validFrom, validTo }) => later(newest, later(validFrom, validTo ?? '')), session);
}

/**
 * Pure: what a complete list changes in the history, as rows to write by (symbol, validFrom). Nothing is known of the
 * time before the first list. A row whose time would be empty is given with `validTo` equal to `validFrom`.
 * @param latest the newest row of every symbol there ever was
 * @param at `date` of the list, as historyDate says; `isFirst` also when some rows of the first list are there already,
 *   because the call that wrote them was killed
 */
export function planHistory(
  latest: readonly HistoryRow[],
  list: readonly Listed[],
  { date, isFirst }: { date: string; isFirst: boolean },
): HistoryRow[] {
  const before = new Map(latest.map((row) => [row.symbol, row]));
  const now = new Map(list.map((one) => [one.symbol, one]));
  const ended = endings(latest, list, { before, now, date });
  const begun = beginnings(latest, list, { before, now, date, isFirst });
  // A symbol may leave one security and take up another on one date; only the latter is written then.
  return [...new Map([...ended, ...begun].map((row) => [`${row.symbol} ${row.validFrom}`, row])).values()];
}

/** Pure: the history that lists give one after another, on top of the newest row of each symbol from before them. */
export function replayHistory(
  before: readonly HistoryRow[],
  lists: readonly (readonly [date: string, list: readonly Listed[]])[],
): HistoryRow[] {
  const latest = new Map(before.map((row) => [row.symbol, row]));
  const rows = new Map<string, HistoryRow>();
  for (const [session, list] of lists) {
    const known = [...latest.values()];
    const date = historyDate(known, session);
    for (const row of planHistory(known, list, { date, isFirst: latest.size === 0 })) {
      rows.set(`${row.symbol} ${row.validFrom}`, row);
      latest.set(row.symbol, row);
    }
  }
  return [...rows.values()];
}

interface Day {
  before: ReadonlyMap<string, HistoryRow>;
  now: ReadonlyMap<string, Listed>;
  date: string;
}

function endings(latest: readonly HistoryRow[], list: readonly Listed[], { before, now, date }: Day): HistoryRow[] {
  const present = indexOf(list);
  const rows: HistoryRow[] = [];
  for (const row of latest) {
    const successor = now.get(row.symbol);
    if (row.validTo !== null || (successor && !isOther(row, successor))) continue;
    const heir = others(present, row).find((one) => {
      const old = before.get(one.symbol);
      return old?.validTo !== null || !isSameSecurity(old, one);
    });
    const ending = heir ? `renamed to ${heir.symbol}` : successor ? 'symbol passed on' : 'no longer listed';
    rows.push({ ...row, validTo: date, ending });
  }
  return rows;
}

function beginnings(
  latest: readonly HistoryRow[],
  list: readonly Listed[],
  { before, now, date, isFirst }: Day & { isFirst: boolean },
): HistoryRow[] {
  const holders = indexOf(latest);
  const rows: HistoryRow[] = [];
  for (const one of list) {
    const row = before.get(one.symbol);
    const own = row && !isOther(row, one) ? row : undefined;
    if (own?.validTo === null) {
      if (knowsMore(one, own)) rows.push({ ...own, ...one });
    } else if (own?.validTo === date && own.ending === 'no longer listed') {
      // Gone and back within one session: as if it had never been away.
      rows.push({ ...own, ...one, validTo: null, ending: null });
    } else {
      const origin = others(holders, one)
        .filter((owner) => !isSameSecurity(now.get(owner.symbol), one) && endOf(owner) > (own?.validTo ?? ''))
        .sort((a, b) => (endOf(a) < endOf(b) ? 1 : -1))[0];
      const otherwise = row ? 'listed again' : isFirst ? 'first seen' : 'listed';
      const reason = beginning({ former: origin?.symbol, reused: row !== undefined && !own }) ?? otherwise;
      rows.push({ ...one, validFrom: date, validTo: null, reason, ending: null });
    }
  }
  return rows;
}

const RENAMED = 'renamed from ';
const REUSED = 'symbol reused';

/** How a symbol's time with a security began: under another symbol before, or with another security before. */
export interface Beginning {
  former?: string | undefined;
  reused: boolean;
}

/** The reason of a row that says so; undefined when it was neither. */
function beginning({ former, reused }: Beginning): string | undefined {
  if (former === undefined) return reused ? REUSED : undefined;
  return `${RENAMED}${former}${reused ? `; ${REUSED}` : ''}`;
}

/** Pure: what `beginning` wrote; the table has its words only. */
export function beginningOf(reason: string): Beginning {
  if (!reason.startsWith(RENAMED)) return { reused: reason === REUSED };
  const rest = reason.slice(RENAMED.length);
  const reused = rest.endsWith(`; ${REUSED}`);
  return { former: reused ? rest.slice(0, -`; ${REUSED}`.length) : rest, reused };
}

function endOf({ validTo }: HistoryRow): string {
  return validTo ?? '9999-12-31';
}

/** The security is another one: both say who they are, and in nothing the same. */
export function isOther(a: Identity, b: Identity): boolean {
  const known = KINDS.filter((kind) => a[kind] !== undefined && b[kind] !== undefined);
  return known.length > 0 && known.every((kind) => a[kind] !== b[kind]);
}

function isSameSecurity(a: Identity | undefined, b: Identity): boolean {
  return a !== undefined && KINDS.some((kind) => a[kind] !== undefined && a[kind] === b[kind]);
}

function knowsMore(now: Identity, before: Identity): boolean {
  return KINDS.some((kind) => now[kind] !== undefined && before[kind] !== now[kind]);
}

const KINDS = ['figi', 'shareClassFigi', 'assetId'] as const;

function indexOf<T extends Listed>(rows: readonly T[]): Map<string, T[]> {
  const index = new Map<string, T[]>();
  for (const row of rows) {
    for (const kind of KINDS) {
      const name = row[kind] === undefined ? undefined : `${kind} ${row[kind]}`;
      if (name !== undefined) index.set(name, [...(index.get(name) ?? []), row]);
    }
  }
  return index;
}

/** Rows of the same security under another symbol, those with the same composite FIGI first. */
function others<T extends Listed>(index: ReadonlyMap<string, T[]>, of: Listed): T[] {
  const found = KINDS.flatMap((kind) => (of[kind] === undefined ? [] : (index.get(`${kind} ${of[kind]}`) ?? [])));
  return [...new Set(found)].filter(({ symbol }) => symbol !== of.symbol);
}

function later(a: string, b: string): string {
  return a > b ? a : b;
}
