import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import { startLoopbackS3 } from '../../scripts/bench/loopback-s3.ts';
import { FileLake } from '../../src/lake/file-lake.ts';
import { isStored, jsonBytes, keys, type Lake, listAll, readJson, writeIfChanged } from '../../src/lake/lake.ts';
import { openLake } from '../../src/lake/open-lake.ts';
import { S3Lake } from '../../src/lake/s3-lake.ts';
import { temporaryFolder } from '../local/programs.ts';
import { MemoryLake } from './memory-lake.ts';
import { s3Client } from './stores.ts';

const s3 = await startLoopbackS3();
afterAll(() => s3.close());
let buckets = 0;

const lakes: [string, () => Lake][] = [
  ['a folder', () => new FileLake(pathToFileURL(join(temporaryFolder(), 'lake')).href)],
  ['a bucket', () => new S3Lake(`s3://bucket-${++buckets}`, s3Client(s3.url))],
  ['a prefix of a bucket', () => new S3Lake(`s3://bucket-${++buckets}/some/prefix/`, s3Client(s3.url))],
  ['memory', () => new MemoryLake()],
];
const bytes = (text: string) => Buffer.from(text);
const text = async (lake: Lake, key: string) => {
  const found = await lake.read(key);
  return found && Buffer.from(found).toString();
};

describe.each(lakes)('a lake in %s', (_name, open) => {
  test('gives back what was written, and nothing for a missing key', async () => {
    const lake = open();
    expect(await lake.read('a/b.json')).toBeUndefined();
    expect(await lake.open('a/b.json')).toBeUndefined();
    await lake.write('a/b.json', bytes('one'));
    await lake.write('a/b.json', bytes('two'));
    expect(await text(lake, 'a/b.json')).toBe('two');
    expect(Buffer.from((await lake.open('a/b.json'))!.bytes).toString()).toBe('two');
  });

  test('an object is stored when it has these bytes, and not when it has others, more, fewer or none', async () => {
    const lake = open();
    const long = Buffer.alloc(700_000, 'text of several pieces');
    await lake.write('a', long);
    expect(await isStored(lake, 'a', long)).toBe(true);
    for (const place of [0, 300_000, 699_999]) {
      const other = Buffer.from(long);
      other[place]! ^= 1;
      expect(await isStored(lake, 'a', other)).toBe(false);
    }
    expect(await isStored(lake, 'a', long.subarray(1))).toBe(false);
    expect(await isStored(lake, 'a', Buffer.concat([long, bytes('x')]))).toBe(false);
    expect(await isStored(lake, 'b', long)).toBe(false);
  });

  test('a write for an absent key fails over a present one and leaves it', async () => {
    const lake = open();
    await lake.write('a', bytes('one'), { ifAbsent: true });
    await expect(lake.write('a', bytes('two'), { ifAbsent: true })).rejects.toMatchObject({ name: 'Lake.Conflict' });
    expect(await text(lake, 'a')).toBe('one');
  });

  test('a write over a version fails once that version is gone', async () => {
    const lake = open();
    await lake.write('a', bytes('one'));
    const { etag } = (await lake.open('a'))!;
    await lake.write('a', bytes('two and more'), { ifEtag: etag });
    await expect(lake.write('a', bytes('three'), { ifEtag: etag })).rejects.toMatchObject({ name: 'Lake.Conflict' });
    await lake.remove(['a']);
    await expect(lake.write('a', bytes('four'), { ifEtag: etag })).rejects.toMatchObject({ name: 'Lake.Conflict' });
    expect(await lake.read('a')).toBeUndefined();
  });

  test('the version that a listing names is the one that open names', async () => {
    const lake = open();
    await lake.write('a/b', bytes('one'));
    const [entry] = await listAll(lake, 'a/');
    expect(entry).toEqual({ key: 'a/b', size: 3, etag: (await lake.open('a/b'))!.etag });
  });

  test('lists below a prefix in plain key order, odd symbols too', async () => {
    const lake = open();
    const symbols = ['A', 'A.B', 'A/B', 'A-B', 'AA', 'a', 'B', 'NULL', 'CON', '_', 'ÄÖ', 'KIMpL', 'A.B.C'];
    const wanted = symbols.flatMap((symbol) => [keys.symbol(symbol), keys.symbolDate(symbol, '2025-11-19')]).sort();
    for (const key of [...wanted].reverse()) await lake.write(key, bytes('x'));
    await lake.write('bronze/sessions/date=2025-11-19/bars.parquet', bytes('x'));
    const listed = async (prefix: string) => (await listAll(lake, prefix)).map(({ key }) => key);
    expect(await listed('bronze/raw_ohlcv/symbol=')).toEqual(wanted);
    expect(await listed(keys.symbolFolder('A'))).toEqual([keys.symbol('A'), keys.symbolDate('A', '2025-11-19')].sort());
    expect(await listed('bronze/raw_ohlcv/symbol=A')).toEqual(wanted.filter((key) => key.includes('symbol=A')));
    expect(await listed('nothing/here/')).toEqual([]);
    expect(await listed('')).toEqual(['bronze/sessions/date=2025-11-19/bars.parquet', ...wanted].sort());
  });

  test('removes what is there; a missing key counts as removed', async () => {
    const lake = open();
    await lake.write('a/b', bytes('x'));
    await lake.write('a/c', bytes('x'));
    await lake.remove(['a/b', 'a/nothing', 'no/folder/either']);
    await lake.remove([]);
    expect((await listAll(lake, '')).map(({ key }) => key)).toEqual(['a/c']);
  });

  test('an adopted file is the key and no longer where it was; local copies come in the order asked for', async () => {
    const lake = open();
    const folder = temporaryFolder();
    for (const name of ['one', 'two']) {
      writeFileSync(join(folder, name), name);
      await lake.adopt(join(folder, name), `deep/${name}`);
    }
    expect(await text(lake, 'deep/one')).toBe('one');
    const paths = await lake.localise(['deep/two', 'deep/one'], join(folder, 'scratch'));
    expect(paths.map((path) => readFileSync(path, 'utf8'))).toEqual(['two', 'one']);
    await expect(lake.localise(['deep/none'], join(folder, 'scratch'))).rejects.toThrow();
    expect(() => readFileSync(join(folder, 'one'))).toThrow();
  });
});

test('folder and bucket list any set of symbols in the same order', async () => {
  const symbols = fc.uniqueArray(fc.stringMatching(/^[A-Ca./^ -]{1,4}$/), { maxLength: 12 });
  await fc.assert(
    fc.asyncProperty(symbols, async (names) => {
      const [folder, bucket] = [lakes[0]![1](), lakes[1]![1]()];
      for (const lake of [folder, bucket]) {
        for (const name of names) await lake.write(keys.symbol(name), bytes('x'));
      }
      const order = async (lake: Lake) => (await listAll(lake, 'bronze/')).map(({ key }) => key);
      expect(await order(folder)).toEqual(await order(bucket));
    }),
    { numRuns: 20 },
  );
});

test('only files and buckets are lakes', () => {
  expect(openLake('file:///some/lake')).toBeInstanceOf(FileLake);
  expect(openLake('s3://bucket/x')).toBeInstanceOf(S3Lake);
  expect(() => openLake('gs://bucket')).toThrowError(expect.objectContaining({ name: 'Config.Invalid' }));
});

test('the same bytes are not written again', async () => {
  const lake = new MemoryLake();
  expect(await writeIfChanged(lake, 'a', bytes('one'))).toBe(true);
  expect(await writeIfChanged(lake, 'a', bytes('one'))).toBe(false);
  expect(await writeIfChanged(lake, 'a', bytes('two'))).toBe(true);
  expect(lake.changes).toEqual(['a', 'a']);
});

test('JSON comes back as it was; a damaged one is named', async () => {
  const lake = new MemoryLake();
  expect(await readJson(lake, 'a.json')).toBeUndefined();
  await lake.write('a.json', jsonBytes({ a: [1, 'ä'] }));
  expect(await readJson(lake, 'a.json')).toEqual({ a: [1, 'ä'] });
  await lake.write('a.json', bytes('{"a":'));
  const damaged = expect.objectContaining({ name: 'Lake.Corrupt', message: expect.stringContaining('a.json') });
  await expect(readJson(lake, 'a.json')).rejects.toEqual(damaged);
});
