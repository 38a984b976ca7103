import { type ErrorText, NamedError } from '../errors.ts';

/** Below this a value is no secret but a word that may stand anywhere. */
const SHORTEST_SECRET = 6;

/**
 * Checks headers before they are ever sent: fetch itself would quote a value it cannot send, key and all.
 * @throws NamedError `Config.Invalid` that names the header, never its value
 */
export function readHeaders(vendor: string, values: Record<string, string>): Headers {
  for (const [name, value] of Object.entries(values)) {
    if (/^[\x20-\x7e]*$/.test(value)) continue;
    throw new NamedError('Config.Invalid', {
      what: `The key for ${vendor} cannot be sent in the header ${name}`,
      found: 'a line break, control character or letter outside ASCII',
      todo: 'Copy the key again, without quotes or line breaks.',
    });
  }
  return new Headers(values);
}

/** An error whose message holds none of the header values, should a vendor echo one. */
export function withoutSecrets(error: NamedError, values: Record<string, string>): NamedError {
  let message = error.message;
  for (const value of Object.values(values)) {
    const secret = value.replace(/^Bearer /, '');
    if (secret.length >= SHORTEST_SECRET) message = message.replaceAll(secret, '***');
  }
  if (message === error.message) return error;
  return new NamedError(error.name, message, { retryAfterSeconds: error.retryAfterSeconds });
}

/** The key, or Vendor.KeyMissing that names its variable. */
export function requireKey(vendor: string, variable: string, value: string | undefined): string {
  const key = value?.trim();
  if (key) return key;
  const text: ErrorText = {
    what: `${vendor} needs a key`,
    found: `${variable} empty or not set`,
    todo: `Set ${variable}, or in the cloud the secret it is read from.`,
  };
  throw new NamedError('Vendor.KeyMissing', text);
}
