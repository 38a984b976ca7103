import { NamedError } from '../errors.ts';

const HIGHEST = 65535;

/** `--port`; 0, any free one, where it is left out. @throws Usage.Invalid */
export function askedPort(text = '0'): number {
  if (/^\d{1,5}$/.test(text) && Number(text) <= HIGHEST) return Number(text);
  throw new NamedError('Usage.Invalid', {
    what: `--port ${text} is no port`,
    wanted: `a whole number up to ${HIGHEST}`,
  });
}

/** What keeps a server from listening, with what to do. */
export function portRefused(port: number, cause: NodeJS.ErrnoException): NamedError {
  const why = { EADDRINUSE: 'another program listens on it', EACCES: 'this user may not listen on it' };
  return new NamedError(
    'Usage.Invalid',
    {
      what: `port ${port} cannot be used`,
      found: why[cause.code as keyof typeof why] ?? cause.message,
      todo: 'Give --port another number, or leave --port out for any free one.',
    },
    { cause },
  );
}
