import { createReadStream } from 'node:fs';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { NamedError } from './errors.ts';

export const MIB = 1024 * 1024;

export interface Body {
  bytes: Buffer;
  /** False when there was more than the limit: `bytes` is its beginning, and the rest was never read. */
  whole: boolean;
}

/** Reads a body from outside, as it comes out of decompression, to its end or to a limit in bytes; then it is closed. */
export async function readAtMost(chunks: AsyncIterable<Uint8Array>, most: number): Promise<Body> {
  const kept: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of chunks) {
    kept.push(chunk.subarray(0, most - bytes));
    bytes += chunk.length;
    if (bytes > most) break;
  }
  return { bytes: Buffer.concat(kept), whole: bytes <= most };
}

/** A file of this computer, whatever size it says it has. @throws NamedError `Data.Invalid` above the limit */
export async function readFileAtMost(path: string, most: number): Promise<Buffer> {
  const { bytes, whole } = await readAtMost(createReadStream(path), most);
  if (!whole) throw tooLarge(path, most);
  return bytes;
}

const unzip = promisify(gunzip);

/**
 * Unpacks gzip and stops at the limit, whatever size it declares.
 * @throws NamedError `Data.Invalid` above the limit; zlib's own error for what is no whole gzip
 */
export async function gunzipAtMost(bytes: Uint8Array, most: number, name: string): Promise<Buffer> {
  return unzip(bytes, { maxOutputLength: most }).catch((error: NodeJS.ErrnoException) => {
    throw error.code === 'ERR_BUFFER_TOO_LARGE' ? tooLarge(name, most) : error;
  });
}

/** What a body is refused with that goes on beyond its limit. */
export function tooLarge(what: string, most: number, todo = 'Look at what it really is.'): NamedError {
  const size = `${most / MIB} MiB`;
  return new NamedError('Data.Invalid', {
    what: `${what} is too large`,
    found: `more than ${size}`,
    wanted: `at most ${size}, unpacked`,
    todo,
  });
}
