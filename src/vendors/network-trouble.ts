import { NamedError } from '../errors.ts';

/**
 * What a failed fetch stands for. Node's fetch throws a TypeError for a dead network as well as for a programming
 * mistake: only the first has one of two fixed messages, and everything else is given back as it is.
 */
export function networkTrouble(error: unknown, at: { vendor: string; where: string; bodyBegun: boolean }): unknown {
  if (!(error instanceof TypeError) || !['fetch failed', 'terminated'].includes(error.message)) return error;
  const found = reasonOf(error.cause);
  if (at.bodyBegun) {
    const text = { what: `${at.vendor}'s answer to ${at.where} ended early`, found, wanted: 'the whole body' };
    return new NamedError('Vendor.TruncatedBody', text, { cause: error });
  }
  const text = {
    what: `${at.vendor} could not be reached for ${at.where}`,
    found,
    todo: 'The call is repeated later.',
  };
  return new NamedError('Vendor.Unavailable', text, { cause: error });
}

function reasonOf(cause: unknown): string {
  if (!(cause instanceof Error)) return 'no reason given';
  const code = (cause as { code?: unknown }).code;
  return typeof code === 'string' ? code : cause.message || cause.name;
}
