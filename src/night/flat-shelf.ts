import { NamedError } from '../errors.ts';
import { openS3Client } from '../lake/s3-client.ts';
import { S3Lake } from '../lake/s3-lake.ts';
import { folderShelf, type Shelf } from '../vendors/flat-shelf.ts';

/** Where Massive keeps its flat files. */
export const VENDOR_BUCKET = 's3://flatfiles';

/** What S3-compatible stores say to a key pair they do not know, or one without the plan. */
const REFUSALS = ['AccessDenied', 'InvalidAccessKeyId', 'SignatureDoesNotMatch', 'Forbidden', 'HTTP 403'];

/**
 * The shelf at a folder, or at `s3://bucket[/prefix]` behind an endpoint of its own with a key pair of its own: flat
 * files are the vendor's, not the lake's.
 * @throws Vendor.KeyMissing without a key pair; (from its calls) Vendor.AuthFailed, Config.Invalid, Vendor.Unavailable
 */
export function openShelf(place: string, endpoint: string, secret: Record<string, string> | undefined): Shelf {
  if (!place.startsWith('s3://')) return folderShelf(place);
  if (!secret?.keyId || !secret.secret) {
    throw new NamedError('Vendor.KeyMissing', {
      what: `${place} needs a key pair`,
      wanted: 'FLAT_FILES_KEY_ID and FLAT_FILES_SECRET',
      todo: 'Massive shows them under "Flat Files"; they are not the API key.',
    });
  }
  const credentials = { accessKeyId: secret.keyId, secretAccessKey: secret.secret };
  const client = openS3Client({ endpoint, credentials, region: 'us-east-1', forcePathStyle: true, maxAttempts: 4 });
  const bucket = new S3Lake(place, client, true);
  const named = (error: Error) => namedError(error, place, endpoint);
  return {
    uri: bucket.uri,
    read: (path) =>
      bucket.read(path).catch((error: Error) => {
        throw named(error);
      }),
    async *list(prefix) {
      try {
        yield* bucket.list(prefix);
      } catch (error) {
        throw named(error as Error);
      }
    },
  };
}

function namedError(error: Error, place: string, endpoint: string): Error {
  const { code } = error as NodeJS.ErrnoException;
  const found = `${code ?? error.name}: ${error.message}`;
  if (REFUSALS.includes(error.name)) {
    const todo = 'Check FLAT_FILES_KEY_ID and FLAT_FILES_SECRET, and that the plan has flat files of these dates.';
    return new NamedError('Vendor.AuthFailed', { what: `${endpoint} refused the key pair`, found, todo });
  }
  if (error.name === 'NoSuchBucket') {
    return new NamedError('Config.Invalid', { what: `${endpoint} has no bucket for ${place}`, found });
  }
  if (code !== undefined || error.name === 'TimeoutError') {
    const wanted = 'an S3-compatible endpoint in FLAT_FILES_ENDPOINT';
    return new NamedError('Vendor.Unavailable', { what: `${endpoint} cannot be reached`, found, wanted });
  }
  return error;
}
