import { NamedError } from '../errors.ts';
import { FileLake } from './file-lake.ts';
import type { Lake } from './lake.ts';
import { S3Lake } from './s3-lake.ts';

/**
 * Opens the lake at `file:///…` or `s3://bucket[/prefix]`.
 * @param options.durable whether writes to a local disk are synced (LAKE_FSYNC); S3 keeps what it has accepted
 * @throws Config.Invalid for any other URI.
 */
export function openLake(uri: string, { durable = true }: { durable?: boolean } = {}): Lake {
  if (uri.startsWith('file://')) return new FileLake(uri, { durable });
  if (uri.startsWith('s3://')) return new S3Lake(uri);
  throw new NamedError('Config.Invalid', {
    what: 'LAKE_URI names no store we know',
    found: JSON.stringify(uri),
    wanted: 'file:///absolute/folder or s3://bucket[/prefix]',
  });
}
