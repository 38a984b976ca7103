import { NamedError } from '../errors.ts';
import { isOnDate } from '../records/is-on-date.ts';

/** The envelope of an answer that was judged good: an object with lists and counts in it. */
export function envelope(json: unknown): Record<string, unknown> {
  if (typeof json === 'object' && json !== null && !Array.isArray(json)) return json as Record<string, unknown>;
  const found = Array.isArray(json) ? 'a bare list' : String(json).slice(0, 40);
  throw new NamedError('Data.Invalid', { what: "Polygon's answer has another shape", found, wanted: 'an object' });
}

/**
 * The rows of one page. `count` is of this page; without a list of results only a count of 0 makes an empty page.
 * @throws NamedError `Vendor.TruncatedBody` when rows are missing
 */
export function pageRows(json: unknown): unknown[] {
  const { results, count } = envelope(json);
  const rows = Array.isArray(results) ? results : [];
  if (!Array.isArray(results) && count !== 0) throw short('no list of results', 'one, or a count of 0');
  if (typeof count === 'number' && rows.length < count)
    throw short(`${rows.length} rows`, `${count}, as it says itself`);
  return rows;
}

/**
 * The rows of one market day. A day without trading has a count of 0 and no `results` at all, and only then is
 * there nothing to store: a mutilated answer never looks like a holiday.
 * @throws NamedError `Vendor.TruncatedBody` when count and rows differ, `Data.Invalid` when the answer is for
 * another day or on another price basis than asked
 */
export function groupedRows(json: unknown, asked: { date: string; adjusted: boolean }): unknown[] {
  const { results, resultsCount, adjusted } = envelope(json);
  const rows = Array.isArray(results) ? results : [];
  if (resultsCount !== rows.length) {
    throw short(`${rows.length} rows`, `${JSON.stringify(resultsCount) ?? 'a resultsCount'}, as it says itself`);
  }
  if (typeof adjusted === 'boolean' && adjusted !== asked.adjusted) {
    const what = `Polygon's prices for ${asked.date} are on another basis than asked`;
    throw new NamedError('Data.Invalid', { what, found: `adjusted=${adjusted}`, wanted: `adjusted=${asked.adjusted}` });
  }
  refuseOtherDay(rows, asked.date);
  return rows;
}

/** An answer for another day is refused as a whole; a single row that strays is left for the row checks. */
function refuseOtherDay(rows: unknown[], date: string): void {
  const rowsAt = new Map<number, number>();
  for (const row of rows) {
    const t = (row as { t?: unknown } | null)?.t;
    if (typeof t === 'number') rowsAt.set(t, (rowsAt.get(t) ?? 0) + 1);
  }
  let dated = 0;
  let astray = 0;
  let example: number | undefined;
  for (const [t, count] of rowsAt) {
    dated += count;
    if (isOnDate(t, date)) continue;
    astray += count;
    example ??= t;
  }
  if (astray * 2 <= dated) return;
  throw new NamedError('Data.Invalid', {
    what: `Polygon's answer for ${date} is of another day`,
    found: `${astray} of ${dated} rows elsewhere, like t=${example}`,
    wanted: `times on ${date} in New York`,
    todo: 'The session is asked for again in the next run.',
  });
}

function short(found: string, wanted: string): NamedError {
  const todo = 'The call is repeated later.';
  return new NamedError('Vendor.TruncatedBody', { what: "Polygon's answer is not whole", found, wanted, todo });
}
