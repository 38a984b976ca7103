import { parseDate } from '../../calendar/sessions.ts';
import { NamedError } from '../../errors.ts';

function decode(cursor: string): URLSearchParams {
  const filters = new URLSearchParams(Buffer.from(cursor, 'base64url').toString('utf8'));
  if (filters.has('ap') && filters.has('limit')) return filters;
  throw new NamedError('Usage.Invalid', 'The cursor is not one of ours.');
}

/** The filters a request stands for: those inside its cursor when it has one, else its own. */
export function filtersOf(query: URLSearchParams): URLSearchParams {
  const cursor = query.get('cursor');
  return cursor === null ? query : decode(cursor);
}

/** The `limit` of a request; out of range is refused, because a client that asks for too much gets short pages. */
export function limitOf(filters: URLSearchParams, usual: number, most: number): number {
  const text = filters.get('limit') ?? String(usual);
  const limit = Number(text);
  if (/^\d+$/.test(text) && limit >= 1 && limit <= most) return limit;
  throw new NamedError('Usage.Invalid', `'limit' must be an integer from 1 to ${most}, found '${text}'.`);
}

/** A date filter, when given. */
export function dateOf(filters: URLSearchParams, name: string): string | undefined {
  const text = filters.get(name);
  if (text === null) return undefined;
  try {
    return parseDate(text);
  } catch {
    throw new NamedError('Usage.Invalid', `Could not parse the time parameter: '${name}'. Use YYYY-MM-DD.`);
  }
}
