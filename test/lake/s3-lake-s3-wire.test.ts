import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type LoopbackS3, startLoopbackS3 } from '../../scripts/bench/loopback-s3.ts';
import { S3Lake, S3Wire } from '../../src/lake/s3-lake.ts';
import { s3Client } from './stores.ts';

describe('the light S3 client', () => {
  let s3: LoopbackS3;
  beforeAll(async () => {
    s3 = await startLoopbackS3();
  });
  afterAll(() => s3.close());

  test.each(['plain/key', 'symbol=A_2fB/data.parquet', "o'(d)d*! ä/+&=?#%.json"])(
    'signs %s as the SDK signs the same request',
    async (key) => {
      const client = s3Client(s3.url);
      await new S3Wire(client, 'bucket').put(key, Buffer.from('body'), { 'if-match': '"abc"' });
      const {
        authorization,
        connection: _,
        'content-length': __,
        ...headers
      } = s3.last!.headers as Record<string, string>;
      const date = headers['x-amz-date']!.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, '$1-$2-$3T$4:$5:$6Z');
      const signer = await client.config.signer();
      const request = {
        method: 'PUT',
        protocol: 'http:',
        hostname: '127.0.0.1',
        path: s3.last!.path,
        query: {},
        headers,
      };
      const signed = await signer.sign(request, { signingDate: new Date(date) });
      expect(authorization).toBe(signed.headers.authorization);
      expect(headers['x-amz-checksum-crc32']).toBe('26gLsg==');
    },
  );

  test('asks the host the SDK would ask', async () => {
    const client = s3Client(s3.url);
    await new S3Wire(client, 'bucket').get('a b');
    expect(s3.last).toMatchObject({ path: '/bucket/a%20b', headers: { host: new URL(s3.url).host } });
  });

  test('gives up at once when the access is denied or the bucket is missing', async () => {
    const lake = new S3Lake('s3://bucket', s3Client(s3.url));
    for (const [status, code] of [
      [403, 'AccessDenied'],
      [404, 'NoSuchBucket'],
    ] as const) {
      s3.trouble = () => [status, code];
      s3.requests = {};
      await expect(lake.read('x')).rejects.toMatchObject({ name: code });
      await expect(lake.write('x', Buffer.from('x'))).rejects.toMatchObject({ name: code });
      expect(s3.requests).toEqual({ GET: 1, PUT: 1 });
    }
    s3.trouble = undefined;
    expect(await lake.read('x')).toBeUndefined();
  });
});
