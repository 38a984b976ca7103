import { NamedError } from '../errors.ts';

/**
 * The configured address, checked once: http or https, no user part, no query. Returned without a closing slash,
 * so that a path can be joined as text; joining by `new URL(path, base)` would let a path like `//host/x` choose
 * the host.
 */
export function readBaseUrl(vendor: string, text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const problem = url === undefined ? 'no URL' : flaw(url);
  if (url === undefined || problem !== undefined) {
    throw new NamedError('Config.Invalid', {
      what: `The base URL of ${vendor} cannot be used`,
      found: problem,
      wanted: 'an address like https://api.example.com, without user, query or fragment',
      todo: `Correct the variable that ends in _BASE_URL for ${vendor}.`,
    });
  }
  return `${url.origin}${url.pathname.replace(/\/+$/, '')}`;
}

function flaw(url: URL): string | undefined {
  if (url.protocol !== 'https:' && url.protocol !== 'http:') return `the scheme ${url.protocol}`;
  if (url.username !== '' || url.password !== '') return 'a user or password in it';
  if (url.search !== '' || url.hash !== '') return 'a query or fragment in it';
  return undefined;
}

/** Joins a path with query to the base; the key goes to no other host, whatever the path looks like. */
export function urlFor(base: string, pathAndQuery: string): string {
  const url = `${base}${pathAndQuery}`;
  if (!pathAndQuery.startsWith('/') || new URL(url).origin !== new URL(base).origin) {
    throw new NamedError('Usage.Invalid', {
      what: 'A vendor is asked by path and query only',
      found: pathAndQuery.split('?')[0]?.slice(0, 80),
      wanted: 'text that begins with /',
    });
  }
  return url;
}
