import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type LoopbackS3, startLoopbackS3 } from '../../scripts/bench/loopback-s3.ts';
import { sessionAt } from '../../src/calendar/calendar.ts';
import { keys, readJson } from '../../src/lake/lake.ts';
import { S3Lake } from '../../src/lake/s3-lake.ts';
import { bundleJob, runProgram } from '../batch-images/programs.ts';
import { bar, publish } from './published.ts';
import { s3Client } from './stores.ts';

const DATES = Array.from({ length: 3 }, (_, i) => sessionAt(9000 + i));
const SYMBOLS = ['AAPL', 'MSFT', 'TRUE'];

let s3: LoopbackS3;
beforeEach(async () => {
  s3 = await startLoopbackS3();
});
afterEach(() => s3.close());

/** True for the first PUT of every key. */
function firstPut() {
  const seen = new Set<string>();
  return (method: string, path: string) => method === 'PUT' && !seen.has(path) && Boolean(seen.add(path));
}

const MINUTE_MS = 60_000;

describe('a consolidation on S3', () => {
  let consolidator: string;
  beforeAll(async () => {
    consolidator = await bundleJob('consolidator');
  });

  test.each([40, -40])(
    'signs with the time of an S3 whose clock is %d minutes ahead, after one refusal',
    async (minutes) => {
      const lake = new S3Lake('s3://bucket/lake', s3Client(s3.url));
      for (const date of DATES)
        await publish(
          lake,
          date,
          SYMBOLS.map((symbol) => bar(symbol, date, 0)),
        );
      s3.aheadMs = minutes * MINUTE_MS;
      const env = {
        LAKE_URI: lake.uri,
        RUN_ID: 'run-1',
        AWS_ENDPOINT_URL_S3: s3.url,
        AWS_REGION: 'us-east-1',
        AWS_ACCESS_KEY_ID: 'test',
        AWS_SECRET_ACCESS_KEY: 'test',
      };
      const { code, stderr } = await runProgram(consolidator, [], env);
      expect([code, stderr.split('\n').filter((line) => line.includes('"name"'))]).toEqual([0, []]);
      s3.aheadMs = 0;
      expect(await readJson(lake, keys.jobResult('consolidate'))).toMatchObject({ status: 'success', rows: 9 });
    },
  );

  test.each(['loses the answer to the first PUT of every key', 'answers the first PUT of every key RequestTimeout'])(
    'that %s ends well, and the next one has nothing to do',
    async (what) => {
      const lake = new S3Lake('s3://bucket/lake', s3Client(s3.url));
      const bars = (date: string, variant: number) => SYMBOLS.map((symbol) => bar(symbol, date, variant));
      for (const date of DATES) await publish(lake, date, bars(date, 0));
      const env = {
        LAKE_URI: lake.uri,
        RUN_ID: 'run-1',
        AWS_ENDPOINT_URL_S3: s3.url,
        AWS_REGION: 'us-east-1',
        AWS_ACCESS_KEY_ID: 'test',
        AWS_SECRET_ACCESS_KEY: 'test',
      };
      // New objects are put under If-None-Match, corrected ones under If-Match.
      for (const run of ['new', 'corrected']) {
        const first = firstPut();
        if (what.startsWith('loses')) s3.lose = first;
        else s3.trouble = (method, path) => (first(method, path) ? [400, 'RequestTimeout'] : undefined);
        const { code, stderr } = await runProgram(consolidator, [], env);
        expect([run, code, stderr.split('\n').filter((line) => line.includes('"name"'))]).toEqual([run, 0, []]);
        const summary = await readJson(lake, keys.jobResult('consolidate'));
        expect(summary).toMatchObject({ status: 'success', rows: 9, errors: [] });
        [s3.lose, s3.trouble] = [undefined, undefined];
        await publish(lake, DATES[0]!, bars(DATES[0]!, 1), `${DATES[2]}T23:30:00.000Z`);
      }
      expect((await runProgram(consolidator, [], env)).code).toBe(0);
      const stored = new Map([...s3.objects].map(([path, { etag }]) => [path, etag]));
      expect((await runProgram(consolidator, [], env)).code).toBe(0);
      const result = `/bucket/lake/${keys.jobResult('consolidate')}`;
      for (const [path, { etag }] of s3.objects)
        if (path !== result) expect([path, etag]).toEqual([path, stored.get(path)]);
    },
  );
});

describe('a conditional write whose answer is lost', () => {
  test('succeeds when its own bytes are stored', async () => {
    const lake = new S3Lake('s3://bucket', s3Client(s3.url));
    s3.lose = firstPut();
    await lake.write('new', Buffer.from('1'), { ifAbsent: true });
    const { etag } = (await lake.open('new'))!;
    s3.lose = firstPut();
    await lake.write('new', Buffer.from('2'), { ifEtag: etag });
    expect(Buffer.from((await lake.read('new'))!).toString()).toBe('2');
    expect(s3.requests.PUT).toBe(4);
  });

  test('is Lake.Conflict when another writer came in between', async () => {
    const lake = new S3Lake('s3://bucket', s3Client(s3.url));
    await lake.write('a', Buffer.from('1'));
    const { etag } = (await lake.open('a'))!;
    const first = firstPut();
    // The request is lost on its way, and another writer is faster than its repetition.
    s3.trouble = (method, path) => {
      if (!first(method, path)) return undefined;
      s3.objects.set(path, { bytes: Buffer.from('other'), etag: '"other"' });
      return [503, 'SlowDown'];
    };
    await expect(lake.write('a', Buffer.from('2'), { ifEtag: etag })).rejects.toMatchObject({ name: 'Lake.Conflict' });
    expect(Buffer.from((await lake.read('a'))!).toString()).toBe('other');
  });

  test('is Lake.Conflict at the first answer, though the same bytes are stored', async () => {
    const lake = new S3Lake('s3://bucket', s3Client(s3.url));
    await lake.write('a', Buffer.from('1'));
    await expect(lake.write('a', Buffer.from('1'), { ifAbsent: true })).rejects.toMatchObject({
      name: 'Lake.Conflict',
    });
  });
});

test('a wrong clock costs one refusal a request in flight, and a right one is not corrected', async () => {
  const lake = new S3Lake('s3://bucket', s3Client(s3.url));
  s3.aheadMs = 3 * 24 * 60 * MINUTE_MS;
  for (const name of ['a', 'b', 'c']) await lake.write(name, Buffer.from(name), { ifAbsent: true });
  expect(s3.requests).toEqual({ PUT: 4 });
  s3.aheadMs = 0;
  // Requests in flight together are refused together, and all of them succeed at the second try.
  await Promise.all(['a', 'b', 'c'].map((name) => lake.read(name)));
  expect(s3.requests).toEqual({ PUT: 4, GET: 6 });
  s3.requests = { PUT: 4 };
  expect(Buffer.from((await lake.read('a'))!).toString()).toBe('a');
  for await (const _ of lake.list('')) expect(s3.requests).toEqual({ PUT: 4, GET: 1, LIST: 1 });
  // Refused for its time though its time is right: there is nothing to correct.
  s3.trouble = () => [403, 'RequestTimeTooSkewed'];
  await expect(lake.read('a')).rejects.toMatchObject({ name: 'RequestTimeTooSkewed' });
  expect(s3.requests.GET).toBe(2);
});
