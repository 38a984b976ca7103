/** Not the host that serves: real answers name this one whatever host was asked, so a client must keep its own. */
const NEXT_HOST = 'https://api.massive.com';

export interface Page<T> {
  rows: T[];
  /** Absolute, with all filters in an opaque cursor; undefined on the last page. */
  nextUrl: string | undefined;
}

/**
 * The page after the cursor's `ap` (the key of the last row served), so rows that come or go between two pages shift
 * nothing. `rows` are in served order, `compare` is that order on keys; `filters` go into the cursor.
 * `loop` repeats the same cursor for ever.
 */
export function pageOf<T>(
  rows: readonly T[],
  filters: URLSearchParams,
  paging: {
    path: string;
    limit: number;
    keyOf: (row: T) => string;
    compare: (a: string, b: string) => number;
    loop: boolean;
  },
): Page<T> {
  const after = filters.get('ap');
  const start = after === null ? 0 : rows.findIndex((row) => paging.compare(paging.keyOf(row), after) > 0);
  const page = start < 0 ? [] : rows.slice(start, start + paging.limit);
  const more = start >= 0 && start + paging.limit < rows.length;
  const lastKey = page.length > 0 ? paging.keyOf(page.at(-1)!) : '';
  const ap = paging.loop ? (after ?? lastKey) : more ? lastKey : undefined;
  if (ap === undefined) return { rows: page, nextUrl: undefined };
  const carried = new URLSearchParams(filters);
  carried.set('limit', String(paging.limit));
  carried.set('ap', ap);
  carried.sort();
  const cursor = Buffer.from(carried.toString(), 'utf8').toString('base64url');
  return { rows: page, nextUrl: `${NEXT_HOST}${paging.path}?cursor=${cursor}` };
}
