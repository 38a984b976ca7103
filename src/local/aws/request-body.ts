import type { IncomingMessage } from 'node:http';
import { AwsFault } from './fault.ts';

/** The RDS Data API's own request limit; the other services' are smaller. */
export const REQUEST_LIMIT_BYTES = 4 * 1024 * 1024;

/**
 * The request body as text. One longer than 4 MiB is read to its end but not kept, because a client still
 * writing would see a reset connection (and retry) instead of the refusal.
 * @throws AwsFault RequestEntityTooLargeException (413)
 */
export async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of request as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      if (bytes <= REQUEST_LIMIT_BYTES) chunks.push(chunk);
    }
  } catch {
    throw new AwsFault('RequestAborted', 'The client went away before the request was complete');
  }
  if (bytes > REQUEST_LIMIT_BYTES) {
    throw new AwsFault('RequestEntityTooLargeException', `The request has ${bytes} bytes; 4 MiB is the limit`, 413);
  }
  return Buffer.concat(chunks).toString('utf8');
}
