import { NamedError } from '../errors.ts';
import type { CallOptions } from './http.ts';

/** One page of a vendor's list. */
export interface VendorPage {
  /** Counted from 1 over all calls of the list, resumed ones too. */
  page: number;
  rows: unknown[];
  /** Where the next page is, as path and query; undefined after the last one. */
  cursor: string | undefined;
  /** Undefined for a source that cannot say so, such as a file. */
  practice: boolean | undefined;
  /** Seconds to leave the vendor alone before its next call. */
  waitSeconds: number;
}

/** Where a list is taken up again: the cursor of the page to read, its number, and the cursors already used. */
export interface PageStart extends CallOptions {
  cursor?: string | undefined;
  startPage?: number;
  seenCursors?: Iterable<string>;
}

/** One fetched page, as far as the vendor's file reads it. */
export type ReadPage = (path: string) => Promise<Omit<VendorPage, 'page'>>;

/**
 * Follows a list to its end. It never ends early in silence:
 * @throws NamedError `Pagination.CursorLoop` when a page points back to one already read (its rows are not given),
 * `Pagination.LimitReached` when more than maxPages pages are to be read, and whatever `read` throws
 */
export async function* followPages(options: {
  vendor: string;
  firstPath: string;
  maxPages: number;
  start: PageStart;
  read: ReadPage;
}): AsyncGenerator<VendorPage, void, undefined> {
  const { vendor, firstPath, maxPages, start, read } = options;
  const seen = new Set([...(start.seenCursors ?? [])].map(cursorToken));
  let path = start.cursor;
  for (let page = start.startPage ?? 1; ; page++) {
    if (page > maxPages) throw limitReached(vendor, page, maxPages);
    if (path !== undefined) seen.add(cursorToken(path));
    const answer = await read(path ?? firstPath);
    path = answer.cursor;
    if (path !== undefined && seen.has(cursorToken(path))) throw loop(vendor, page);
    yield { page, ...answer };
    if (path === undefined) return;
  }
}

function limitReached(vendor: string, page: number, maxPages: number): NamedError {
  return new NamedError('Pagination.LimitReached', {
    what: `${vendor}'s list goes on past the page limit`,
    found: `page ${page} still to read`,
    wanted: `at most ${maxPages} pages`,
    todo: 'Raise MAX_PAGES if the list has grown; nothing is published from a part of it.',
  });
}

function loop(vendor: string, page: number): NamedError {
  return new NamedError('Pagination.CursorLoop', {
    what: `${vendor}'s list runs in a circle`,
    found: `page ${page} names a page already read as the next one`,
    wanted: 'a new cursor, or none',
    todo: 'The list is read again from its first page in the next run.',
  });
}

/**
 * A list's next page as it may be kept in a run's state: path and query only. The vendor's host is dropped (answers
 * name hosts other than the configured one, once even with the port twice, so the text is not parsed as a URL), and
 * so is a key, should one be in the query. Undefined after the last page.
 * @throws NamedError `Data.Invalid` when `next_url` is neither text nor absent
 */
export function nextCursor(vendor: string, nextUrl: unknown): string | undefined {
  if (nextUrl === undefined || nextUrl === null || nextUrl === '') return undefined;
  const pathAndQuery = typeof nextUrl === 'string' ? nextUrl.replace(/^[a-z]+:\/\/[^/?#]*/i, '') : '';
  if (!pathAndQuery.startsWith('/')) {
    throw new NamedError('Data.Invalid', {
      what: `${vendor} names a next page that cannot be asked for`,
      found: typeof nextUrl === 'string' ? 'text without a path' : `a ${typeof nextUrl}`,
      wanted: 'a URL, or nothing after the last page',
    });
  }
  const [path, query = ''] = (pathAndQuery.split('#')[0] ?? '').split('?');
  const kept = query.split('&').filter((part) => part !== '' && !/^api_?key=/i.test(part));
  return kept.length === 0 ? path : `${path}?${kept.join('&')}`;
}

/** What makes two cursors the same page: the vendor's token, or all of it where there is none. */
export function cursorToken(cursor: string): string {
  return new URLSearchParams(cursor.split('?')[1]).get('cursor') ?? cursor;
}
