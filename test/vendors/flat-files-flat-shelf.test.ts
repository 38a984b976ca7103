import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type LoopbackS3, startLoopbackS3 } from '../../scripts/bench/loopback-s3.ts';
import { flatFiles, openFileSource } from '../../src/vendors/flat-files.ts';

const DAY = 'ticker,volume,open,close,high,low,window_start,transactions\nAAPL,10,1,2,3,1,0,4\n';
const PAIR = { keyId: 'id', secret: 'word' };
let s3: LoopbackS3;
beforeEach(async () => {
  s3 = await startLoopbackS3();
});
afterEach(() => s3.close());

function put(date: string, root = '/flatfiles/us_stocks_sip/day_aggs_v1') {
  const path = `${root}/${date.slice(0, 4)}/${date.slice(5, 7)}/${date}.csv.gz`;
  s3.objects.set(path, { bytes: gzipSync(DAY), etag: `"${date}"` });
}

test('a session comes from the bucket at the endpoint, signed with the pair of its own', async () => {
  put('2024-03-01');
  const files = flatFiles(openFileSource('s3://flatfiles', s3.url, PAIR));
  const { found, rows } = await files.session('2024-03-01');
  expect({ found, symbols: rows.map(({ T }) => T) }).toEqual({ found: true, symbols: ['AAPL'] });
  expect(s3.last?.headers.authorization).toContain('Credential=id/');
});

test('sessions of twenty years are listed with one request a year', async () => {
  for (const date of ['2005-01-03', '2014-06-02', '2024-03-01']) put(date);
  const files = flatFiles(openFileSource('s3://flatfiles', s3.url, PAIR));
  await files.session('2024-03-01');
  const before = s3.requests.LIST ?? 0;
  expect(await files.sessions('2005-01-01', '2024-12-31')).toEqual(['2005-01-03', '2014-06-02', '2024-03-01']);
  expect((s3.requests.LIST ?? 0) - before).toBe(20);
});

test('a prefix in the bucket may stand for any level of the layout', async () => {
  put('2024-03-01');
  const files = flatFiles(openFileSource('s3://flatfiles/us_stocks_sip', s3.url, PAIR));
  expect((await files.session('2024-03-01')).found).toBe(true);
  expect((await files.session('2024-03-04')).found).toBe(false);
});

test('without a key pair the error names both settings', () => {
  expect(() => openFileSource('s3://flatfiles', s3.url, undefined)).toThrow(
    expect.objectContaining({ name: 'Vendor.KeyMissing', message: expect.stringContaining('FLAT_FILES_KEY_ID') }),
  );
});

test('a refused pair is Vendor.AuthFailed and holds no secret', async () => {
  s3.trouble = () => [403, 'InvalidAccessKeyId'];
  const asked = flatFiles(openFileSource('s3://flatfiles', s3.url, PAIR)).session('2024-03-01');
  await expect(asked).rejects.toMatchObject({ name: 'Vendor.AuthFailed' });
  await expect(asked).rejects.not.toThrow(/word/);
});

test('a missing bucket is a wrong setting', async () => {
  s3.trouble = () => [404, 'NoSuchBucket'];
  const asked = flatFiles(openFileSource('s3://other', s3.url, PAIR)).session('2024-03-01');
  await expect(asked).rejects.toMatchObject({ name: 'Config.Invalid' });
});

test('an empty bucket is said to hold no flat files', async () => {
  const asked = flatFiles(openFileSource('s3://flatfiles', s3.url, PAIR)).session('2024-03-01');
  await expect(asked).rejects.toMatchObject({ name: 'Usage.Invalid' });
});
