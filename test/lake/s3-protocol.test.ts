import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { CreateBucketCommand } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type LoopbackS3, startLoopbackS3 } from '../../scripts/bench/loopback-s3.ts';
import { sessionAt } from '../../src/calendar/calendar.ts';
import { consolidate } from '../../src/jobs/consolidate/consolidate.ts';
import { vacuum } from '../../src/jobs/vacuum.ts';
import { keys, listAll } from '../../src/lake/lake.ts';
import { S3Lake } from '../../src/lake/s3-lake.ts';
import { decodeBars } from '../../src/lake/session-files.ts';
import { bar, originalFile, publish } from './published.ts';
import { s3Client } from './stores.ts';

const DATES = Array.from({ length: 4 }, (_, i) => sessionAt(9000 + i));
const ODD = [
  'BRK.B',
  'BAC-I',
  'KIMpL',
  'KIMPL',
  'TRUE',
  'NAN',
  'CON',
  'A/B',
  'A+B',
  'A&B',
  'Ä',
  "O'K",
  '<X>',
  'A%B',
  'A=B',
];
const options = { mode: 'incremental', maxWorkers: 8, runId: 'test', adoptedPrices: 'unadjusted' } as const;
const moto = spawnSync('python3', ['-c', 'import moto.server'], { stdio: 'ignore' }).status === 0;
if (!moto) console.log('SKIPPED: moto is not installed, so no S3 server but our own was asked');

test('moto is installed where every check is required', () => {
  expect(moto || process.env.REQUIRE_ALL !== '1').toBe(true);
});

interface Server {
  url: string;
  stop(): Promise<void>;
}

async function startMoto(): Promise<Server> {
  const port = await freePort();
  const child: ChildProcess = spawn('python3', ['-m', 'moto.server', '-H', '127.0.0.1', '-p', String(port)], {
    stdio: 'ignore',
  });
  const url = `http://127.0.0.1:${port}`;
  while (!(await fetch(url).catch(() => undefined))) {
    if (child.exitCode !== null || child.signalCode !== null) throw new Error('moto ended');
    await sleep(100);
  }
  return {
    url,
    stop: async () => {
      child.kill('SIGKILL');
    },
  };
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}

const SERVERS: Record<string, () => Promise<Server>> = {
  'our loopback server': async () => {
    const s3 = await startLoopbackS3();
    return { url: s3.url, stop: s3.close };
  },
  ...(moto ? { moto: startMoto } : {}),
};

describe.each(Object.keys(SERVERS))('on %s', (name) => {
  let server: Server;
  let lake: S3Lake;
  beforeAll(async () => {
    server = await SERVERS[name]!();
    const client = s3Client(server.url);
    if (name === 'moto') await client.send(new CreateBucketCommand({ Bucket: 'bucket' }));
    lake = new S3Lake('s3://bucket/some/prefix', client);
  });
  afterAll(() => server.stop());

  test('a list goes on beyond 1,000 keys, and as many are removed', async () => {
    const all = Array.from({ length: 1100 }, (_, i) => `many/${String(i).padStart(5, '0')}`);
    for (let start = 0; start < all.length; start += 50) {
      await Promise.all(all.slice(start, start + 50).map((key) => lake.write(key, Buffer.from('x'))));
    }
    const listed = await listAll(lake, 'many/');
    expect(listed.map(({ key }) => key)).toEqual(all);
    expect(await lake.removeVersions(listed)).toEqual([]);
    expect(await listAll(lake, 'many/')).toEqual([]);
  });

  test('conditional puts hold', async () => {
    await lake.write('c', Buffer.from('1'), { ifAbsent: true });
    await expect(lake.write('c', Buffer.from('2'), { ifAbsent: true })).rejects.toMatchObject({
      name: 'Lake.Conflict',
    });
    const { etag } = (await lake.open('c'))!;
    await lake.write('c', Buffer.from('3'), { ifEtag: etag });
    await expect(lake.write('c', Buffer.from('4'), { ifEtag: etag })).rejects.toMatchObject({ name: 'Lake.Conflict' });
    expect(Buffer.from((await lake.read('c'))!).toString()).toBe('3');
    const [listed] = await listAll(lake, 'c');
    expect(listed!.etag).toBe((await lake.open('c'))!.etag);
  });

  test('symbols of any spelling are consolidated, their old date files go', async () => {
    for (const date of DATES) {
      await publish(
        lake,
        date,
        ODD.map((s) => bar(s, date)),
      );
    }
    for (const symbol of ODD) await originalFile(lake, bar(symbol, sessionAt(8990)));
    expect(await consolidate(lake, options)).toMatchObject({
      status: 'success',
      symbols: ODD.length,
      rows: 5 * ODD.length,
    });
    for (const symbol of ODD) {
      const rows = await decodeBars((await lake.read(keys.symbol(symbol)))!, symbol);
      expect(rows.map(({ symbol: of, date }) => [of, date])).toEqual(
        [sessionAt(8990), ...DATES].map((date) => [symbol, date]),
      );
    }
    expect(await vacuum(lake, { ...options, retentionDays: 0 })).toMatchObject({
      filesDeleted: ODD.length,
      errors: [],
    });
    expect(await consolidate(lake, options)).toMatchObject({ status: 'success', symbols: 0 });
  });
});

describe('an S3 in trouble', () => {
  let s3: LoopbackS3;
  let lake: S3Lake;
  beforeAll(async () => {
    s3 = await startLoopbackS3();
    lake = new S3Lake('s3://bucket', s3Client(s3.url));
  });
  afterAll(() => s3.close());

  test('that asks to slow down is asked again until it answers', async () => {
    let left = 6;
    s3.trouble = (method) => (method !== 'LIST' && left-- > 0 ? [503, 'SlowDown'] : undefined);
    await Promise.all(['a', 'b', 'c'].map((key) => lake.write(`slow/${key}`, Buffer.from(key))));
    s3.trouble = undefined;
    expect((await listAll(lake, 'slow/')).map(({ key }) => key)).toEqual(['slow/a', 'slow/b', 'slow/c']);
  });

  test('that refuses single keys of a deletion keeps them, names them and deletes the others', async () => {
    for (const date of DATES) for (const symbol of ['AAPL', 'TRUE']) await originalFile(lake, bar(symbol, date));
    await consolidate(lake, options);
    s3.locked.add(keys.symbolDate('TRUE', DATES[1]!));
    const summary = await vacuum(lake, { ...options, retentionDays: 0 });
    expect(summary).toMatchObject({ status: 'failed', filesDeleted: 7 });
    expect(summary.errors).toMatchObject([
      { name: 'Lake.Unwritable', symbol: 'TRUE', message: expect.stringContaining('AccessDenied') },
    ]);
    s3.locked.clear();
    expect(await vacuum(lake, { ...options, retentionDays: 0 })).toMatchObject({ status: 'success', filesDeleted: 1 });
  });
});
