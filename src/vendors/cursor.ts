import { NamedError } from '../errors.ts';

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
