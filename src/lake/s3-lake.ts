import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import {
  DeleteObjectsCommand,
  GetObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  type S3Client,
  type S3ServiceException,
} from '@aws-sdk/client-s3';
import { NamedError } from '../errors.ts';
import type { Condition, Entry, Lake, Refusal } from './lake.ts';
import { openS3Client } from './s3-client.ts';
import { type Answer, answerError, S3Wire } from './s3-wire.ts';

/** DeleteObjects takes at most this many keys a call. */
const DELETE_BATCH = 1000;

interface PutConditions {
  ifMatch: string | undefined;
  ifNoneMatch: '*' | undefined;
}

/** Why an object was not stored, after how many tries; undefined when it was. */
type PutRefusal = { status: number | undefined; attempts: number; error: unknown } | undefined;

/** A lake in an S3 bucket. PutObject is atomic and strongly consistent; conditions are If-Match / If-None-Match. */
export class S3Lake implements Lake {
  readonly uri: string;
  private readonly bucket: string;
  private readonly prefix: string;
  private readonly client: S3Client;
  private readonly wire: S3Wire | undefined;

  /** @param light whether single objects are read and written without the SDK's machinery */
  constructor(uri: string, client = openS3Client(), light = false) {
    this.uri = uri.replace(/\/+$/, '');
    const [bucket = '', ...rest] = this.uri.slice('s3://'.length).split('/');
    this.bucket = bucket;
    this.prefix = rest.length > 0 ? `${rest.join('/')}/` : '';
    this.client = client;
    this.wire = light ? new S3Wire(client, bucket) : undefined;
  }

  async read(key: string): Promise<Uint8Array | undefined> {
    return (await this.open(key))?.bytes;
  }

  async open(key: string): Promise<{ bytes: Uint8Array; etag: string } | undefined> {
    if (this.wire) return opened(await this.wire.get(this.prefix + key), key);
    try {
      const answer = await this.client.send(new GetObjectCommand({ Bucket: this.bucket, Key: this.prefix + key }));
      return { bytes: await answer.Body!.transformToByteArray(), etag: answer.ETag ?? '' };
    } catch (error) {
      if ((error as Error).name === 'NoSuchKey') return undefined;
      throw error;
    }
  }

  async write(key: string, bytes: Uint8Array, condition?: Condition): Promise<void> {
    const ifMatch = condition && 'ifEtag' in condition ? condition.ifEtag : undefined;
    const ifNoneMatch = condition && 'ifAbsent' in condition ? '*' : undefined;
    const refusal = await this.put(key, bytes, { ifMatch, ifNoneMatch });
    if (refusal === undefined) return;
    const { status, attempts, error } = refusal;
    if (!isLost(status, ifMatch)) throw error;
    // An earlier try whose answer was lost may be what the condition fails on.
    if (attempts > 1 && (await this.holds(key, bytes))) return;
    throw conflict(key, error);
  }

  private async put(key: string, bytes: Uint8Array, { ifMatch, ifNoneMatch }: PutConditions): Promise<PutRefusal> {
    if (this.wire) {
      const conditions: Record<string, string> = {};
      if (ifMatch !== undefined) conditions['if-match'] = ifMatch;
      if (ifNoneMatch !== undefined) conditions['if-none-match'] = ifNoneMatch;
      const answer = await this.wire.put(this.prefix + key, bytes, conditions);
      const { status, attempts } = answer;
      return status === 200 ? undefined : { status, attempts, error: answerError(answer, `PUT ${key}`) };
    }
    try {
      await this.client.send(
        new PutObjectCommand({
          Bucket: this.bucket,
          Key: this.prefix + key,
          Body: bytes,
          IfNoneMatch: ifNoneMatch,
          IfMatch: ifMatch,
        }),
      );
      return undefined;
    } catch (error) {
      const { httpStatusCode, attempts = 1 } = (error as Partial<S3ServiceException>).$metadata ?? {};
      return { status: httpStatusCode, attempts, error };
    }
  }

  private async holds(key: string, bytes: Uint8Array): Promise<boolean> {
    const stored = await this.read(key);
    return stored !== undefined && Buffer.compare(stored, bytes) === 0;
  }

  async remove(keys: readonly string[]): Promise<void> {
    for (let start = 0; start < keys.length; start += DELETE_BATCH) {
      const batch = keys.slice(start, start + DELETE_BATCH);
      const answer = await this.client.send(
        new DeleteObjectsCommand({
          Bucket: this.bucket,
          Delete: { Quiet: true, Objects: batch.map((key) => ({ Key: this.prefix + key })) },
        }),
      );
      // DeleteObjects answers 200 even when single keys failed.
      const failed = answer.Errors ?? [];
      if (failed.length > 0) {
        throw new NamedError('Lake.Unwritable', {
          what: `${failed.length} of ${batch.length} objects could not be deleted`,
          found: `${failed[0]?.Key}: ${failed[0]?.Code} ${failed[0]?.Message}`,
          todo: 'Check the role’s s3:DeleteObject permission and run the same command again.',
        });
      }
    }
  }

  async removeVersions(entries: readonly Pick<Entry, 'key' | 'etag'>[]): Promise<Refusal[]> {
    const refused: Refusal[] = [];
    for (let start = 0; start < entries.length; start += DELETE_BATCH) {
      const batch = entries.slice(start, start + DELETE_BATCH);
      const answer = await this.client.send(
        new DeleteObjectsCommand({
          Bucket: this.bucket,
          Delete: { Quiet: true, Objects: batch.map(({ key, etag }) => ({ Key: this.prefix + key, ETag: etag })) },
        }),
      );
      for (const { Key = '', Code = '', Message = '' } of answer.Errors ?? []) {
        if (Code === 'NoSuchKey') continue;
        const changed = Code === 'PreconditionFailed';
        refused.push({ key: Key.slice(this.prefix.length), reason: `${Code} ${Message}`.trim(), changed });
      }
    }
    return refused;
  }

  async *list(prefix: string): AsyncIterable<Entry> {
    let token: string | undefined;
    do {
      const answer = await this.client.send(
        new ListObjectsV2Command({ Bucket: this.bucket, Prefix: this.prefix + prefix, ContinuationToken: token }),
      );
      for (const object of answer.Contents ?? []) {
        const key = (object.Key ?? '').slice(this.prefix.length);
        yield { key, size: object.Size ?? 0, etag: object.ETag ?? '' };
      }
      token = answer.IsTruncated ? answer.NextContinuationToken : undefined;
    } while (token !== undefined);
  }

  async localise(keys: readonly string[], scratch: string): Promise<string[]> {
    await mkdir(scratch, { recursive: true });
    const paths: string[] = [];
    const waiting = keys.map((key, index) => ({ key, index }));
    const worker = async () => {
      for (let next = waiting.shift(); next; next = waiting.shift()) {
        const bytes = await this.read(next.key);
        if (!bytes) throw new NamedError('Lake.Corrupt', { what: `${next.key} is missing from ${this.uri}` });
        // Under its key, as in a folder: readers take a date from it, and errors of engines name it.
        const path = join(scratch, next.key);
        paths[next.index] = path;
        await mkdir(dirname(path), { recursive: true });
        await writeFile(path, bytes);
      }
    };
    await Promise.all(Array.from({ length: 32 }, worker));
    return paths;
  }

  async adopt(localPath: string, key: string): Promise<void> {
    await this.write(key, await readFile(localPath));
    await rm(localPath, { force: true });
  }
}

function opened(answer: Answer, key: string): { bytes: Uint8Array; etag: string } | undefined {
  if (answer.status === 200) return { bytes: answer.body, etag: answer.etag };
  const error = answerError(answer, `GET ${key}`);
  if (error.name === 'NoSuchKey') return undefined;
  throw error;
}

/** 412: the condition does not hold; 409: another conditional write is in flight; 404: the version is gone. */
function isLost(status: number | undefined, ifMatch: string | undefined): boolean {
  return status === 412 || status === 409 || (status === 404 && ifMatch !== undefined);
}

function conflict(key: string, cause: unknown): NamedError {
  return new NamedError(
    'Lake.Conflict',
    { what: `another writer changed ${key}`, wanted: 'one writer at a time', todo: 'Run the same command again.' },
    { cause },
  );
}
