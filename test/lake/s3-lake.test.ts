import {
  DeleteObjectsCommand,
  GetObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { mockClient } from 'aws-sdk-client-mock';
import { expect, test } from 'vitest';
import { listAll } from '../../src/lake/lake.ts';
import { S3Lake } from '../../src/lake/s3-lake.ts';
import { fakeBucket, refusal } from './fake-bucket.ts';

function openMocked(uri = 's3://bucket/prefix') {
  const client = new S3Client({ region: 'us-east-1' });
  const stub = mockClient(client);
  return { lake: new S3Lake(uri, client), stub };
}

test('keys lie below the prefix and come back without it', async () => {
  const { client, objects } = fakeBucket();
  const lake = new S3Lake('s3://bucket/a/b//', client);
  await lake.write('x/y', Buffer.from('1'));
  expect([...objects.keys()]).toEqual(['a/b/x/y']);
  expect((await listAll(lake, 'x/')).map(({ key }) => key)).toEqual(['x/y']);
  const root = new S3Lake('s3://bucket', client);
  expect((await listAll(root, 'a/')).map(({ key }) => key)).toEqual(['a/b/x/y']);
});

test('a listing is read to its last page, one request a page', async () => {
  const { client, stub } = fakeBucket();
  const lake = new S3Lake('s3://bucket', client);
  for (let number = 10; number < 17; number += 1) await lake.write(`k${number}`, Buffer.from('x'));
  expect((await listAll(lake, 'k')).map(({ key }) => key)).toEqual(['k10', 'k11', 'k12', 'k13', 'k14', 'k15', 'k16']);
  expect(stub.commandCalls(ListObjectsV2Command as never)).toHaveLength(3);
});

test.each([412, 409])('a conditional write answered %i is Lake.Conflict', async (status) => {
  const { lake, stub } = openMocked();
  stub.on(PutObjectCommand).rejects(refusal('Whatever', status));
  await expect(lake.write('a', Buffer.from('x'), { ifAbsent: true })).rejects.toMatchObject({ name: 'Lake.Conflict' });
});

test('any other refusal keeps its name', async () => {
  const { lake, stub } = openMocked();
  stub.on(PutObjectCommand).rejects(refusal('AccessDenied', 403));
  await expect(lake.write('a', Buffer.from('x'))).rejects.toMatchObject({ name: 'AccessDenied' });
  stub.on(GetObjectCommand).rejects(refusal('AccessDenied', 403));
  await expect(lake.read('a')).rejects.toMatchObject({ name: 'AccessDenied' });
});

test('conditions travel as If-None-Match and If-Match', async () => {
  const { lake, stub } = openMocked();
  stub.on(PutObjectCommand).resolves({});
  await lake.write('a', Buffer.from('x'), { ifAbsent: true });
  await lake.write('a', Buffer.from('x'), { ifEtag: '"v1"' });
  await lake.write('a', Buffer.from('x'));
  const sent = stub.commandCalls(PutObjectCommand).map(({ args: [{ input }] }) => [input.IfNoneMatch, input.IfMatch]);
  expect(sent).toEqual([
    ['*', undefined],
    [undefined, '"v1"'],
    [undefined, undefined],
  ]);
});

test('keys are deleted a thousand a call', async () => {
  const { lake, stub } = openMocked();
  stub.on(DeleteObjectsCommand).resolves({});
  await lake.remove(Array.from({ length: 2001 }, (_, index) => `k${index}`));
  const sizes = stub.commandCalls(DeleteObjectsCommand).map(({ args: [{ input }] }) => input.Delete?.Objects?.length);
  expect(sizes).toEqual([1000, 1000, 1]);
  await lake.remove([]);
  expect(stub.commandCalls(DeleteObjectsCommand)).toHaveLength(3);
});

test('keys that a 200 answer names as not deleted are an error', async () => {
  const { lake, stub } = openMocked();
  stub.on(DeleteObjectsCommand).resolves({ Errors: [{ Key: 'prefix/b', Code: 'AccessDenied', Message: 'no' }] });
  await expect(lake.remove(['a', 'b'])).rejects.toMatchObject({
    name: 'Lake.Unwritable',
    message: expect.stringContaining('1 of 2 objects could not be deleted; found prefix/b: AccessDenied no'),
  });
});
