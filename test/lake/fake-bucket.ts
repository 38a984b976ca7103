import { createHash } from 'node:crypto';
import {
  DeleteObjectsCommand,
  GetObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
  S3ServiceException,
} from '@aws-sdk/client-s3';
import { type AwsStub, mockClient } from 'aws-sdk-client-mock';

/** A bucket in memory behind a real S3 client: pages of three, conditional writes, prefixes. */
export function fakeBucket(): {
  client: S3Client;
  objects: Map<string, Uint8Array>;
  stub: AwsStub<never, never, never>;
} {
  const objects = new Map<string, Uint8Array>();
  const client = new S3Client({ region: 'us-east-1' });
  const stub = mockClient(client);
  const etag = (bytes: Uint8Array) => `"${createHash('md5').update(bytes).digest('hex')}"`;
  stub.on(GetObjectCommand).callsFake(({ Key }: { Key: string }) => {
    const bytes = objects.get(Key);
    if (!bytes) throw refusal('NoSuchKey', 404);
    return { Body: { transformToByteArray: async () => bytes }, ETag: etag(bytes) };
  });
  stub.on(PutObjectCommand).callsFake(({ Key, Body, IfNoneMatch, IfMatch }) => {
    const stored = objects.get(Key);
    if (IfNoneMatch === '*' && stored) throw refusal('PreconditionFailed', 412);
    if (IfMatch !== undefined && (!stored || etag(stored) !== IfMatch)) throw refusal('PreconditionFailed', 412);
    objects.set(Key, Buffer.from(Body));
    return { ETag: etag(Body) };
  });
  stub.on(DeleteObjectsCommand).callsFake(({ Delete }: { Delete: { Objects: { Key: string }[] } }) => {
    for (const { Key } of Delete.Objects) objects.delete(Key);
    return {};
  });
  stub.on(ListObjectsV2Command).callsFake(({ Prefix, ContinuationToken }) => {
    const keys = [...objects.keys()].sort().filter((key) => key.startsWith(Prefix) && key > (ContinuationToken ?? ''));
    const page = keys.slice(0, 3);
    const IsTruncated = keys.length > 3;
    const Contents = page.map((Key) => ({ Key, Size: objects.get(Key)!.length, ETag: etag(objects.get(Key)!) }));
    return { Contents, IsTruncated, NextContinuationToken: IsTruncated ? page.at(-1) : undefined };
  });
  return { client, objects, stub: stub as never };
}

export function refusal(name: string, httpStatusCode: number): S3ServiceException {
  return new S3ServiceException({ name, message: name, $fault: 'client', $metadata: { httpStatusCode } });
}
