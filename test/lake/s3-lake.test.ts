import { DeleteObjectsCommand, S3Client } from '@aws-sdk/client-s3';
import { mockClient } from 'aws-sdk-client-mock';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type LoopbackS3, startLoopbackS3 } from '../../scripts/bench/loopback-s3.ts';
import { listAll } from '../../src/lake/lake.ts';
import { S3Lake } from '../../src/lake/s3-lake.ts';
import { s3Client } from './stores.ts';

let s3: LoopbackS3;
beforeEach(async () => {
  s3 = await startLoopbackS3();
});
afterEach(() => s3.close());

/** Deletions need a batch of thousands or an answer with errors, which a stub gives sooner than a server. */
function openMocked() {
  const client = new S3Client({ region: 'us-east-1' });
  return { lake: new S3Lake('s3://bucket/prefix', client), stub: mockClient(client) };
}

test('keys lie below the prefix and come back without it', async () => {
  const lake = new S3Lake('s3://bucket/a/b//', s3Client(s3.url));
  await lake.write('x/y', Buffer.from('1'));
  expect([...s3.objects.keys()]).toEqual(['/bucket/a/b/x/y']);
  expect((await listAll(lake, 'x/')).map(({ key }) => key)).toEqual(['x/y']);
  const root = new S3Lake('s3://bucket', s3Client(s3.url));
  expect((await listAll(root, 'a/')).map(({ key }) => key)).toEqual(['a/b/x/y']);
});

test('a listing is read to its last page, one request a page', async () => {
  const lake = new S3Lake('s3://bucket', s3Client(s3.url));
  s3.pageSize = 3;
  for (let number = 10; number < 17; number += 1) await lake.write(`k${number}`, Buffer.from('x'));
  expect((await listAll(lake, 'k')).map(({ key }) => key)).toEqual(['k10', 'k11', 'k12', 'k13', 'k14', 'k15', 'k16']);
  expect(s3.requests.LIST).toBe(3);
});

test.each([412, 409])('a conditional write answered %i is Lake.Conflict', async (status) => {
  const lake = new S3Lake('s3://bucket', s3Client(s3.url));
  s3.trouble = () => [status, 'Whatever'];
  await expect(lake.write('a', Buffer.from('x'), { ifAbsent: true })).rejects.toMatchObject({ name: 'Lake.Conflict' });
});

test('any other refusal keeps its name', async () => {
  const lake = new S3Lake('s3://bucket', s3Client(s3.url));
  s3.trouble = () => [403, 'AccessDenied'];
  await expect(lake.write('a', Buffer.from('x'))).rejects.toMatchObject({ name: 'AccessDenied' });
  await expect(lake.read('a')).rejects.toMatchObject({ name: 'AccessDenied' });
});

test('conditions travel as If-None-Match and If-Match', async () => {
  const lake = new S3Lake('s3://bucket', s3Client(s3.url));
  const sent = () => [s3.last?.headers['if-none-match'], s3.last?.headers['if-match']];
  await lake.write('a', Buffer.from('x'), { ifAbsent: true });
  expect(sent()).toEqual(['*', undefined]);
  const { etag } = (await lake.open('a'))!;
  await lake.write('a', Buffer.from('x'), { ifEtag: etag });
  expect(sent()).toEqual([undefined, etag]);
  await lake.write('a', Buffer.from('x'));
  expect(sent()).toEqual([undefined, undefined]);
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
