import * as files from 'node:fs';
import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, expect, test, vi } from 'vitest';
import { FileLake } from '../../src/lake/file-lake.ts';
import { temporaryFolder } from '../local/programs.ts';

vi.mock('node:fs', async (original) => {
  const real = await original<typeof files>();
  return {
    ...real,
    writeSync: vi.fn(real.writeSync),
    renameSync: vi.fn(real.renameSync),
    rmSync: vi.fn(real.rmSync),
  };
});
const real = await vi.importActual<typeof files>('node:fs');
const { writeFileSync } = real;
afterEach(() => {
  vi.mocked(files.writeSync).mockReset().mockImplementation(real.writeSync);
  vi.mocked(files.renameSync).mockReset().mockImplementation(real.renameSync);
});

const bytes = (text: string) => Buffer.from(text);
const failure = (code: string) => Object.assign(new Error(code), { code });

function openLake() {
  const root = join(temporaryFolder(), 'lake');
  const lake = new FileLake(pathToFileURL(root).href);
  const found = () =>
    readdirSync(root, { recursive: true, withFileTypes: true, encoding: 'utf8' })
      .filter((entry) => entry.isFile())
      .map((entry) => `${entry.parentPath.slice(root.length + 1)}/${entry.name}`);
  return { root, lake, found, at: (key: string) => readFileSync(join(root, key), 'utf8') };
}

test('a writer killed before the rename leaves the old content and nothing in a listing', async () => {
  const { lake, at } = openLake();
  await lake.write('a/b', bytes('old'));
  // Killed: neither the rename nor the cleaning up after it happens.
  vi.mocked(files.renameSync).mockImplementation(() => {
    throw failure('killed');
  });
  vi.mocked(files.rmSync).mockImplementation(() => {});
  await lake.write('a/b', bytes('new')).catch(() => {});
  vi.mocked(files.rmSync).mockImplementation(real.rmSync);
  expect(at('a/b')).toBe('old');
  const listed: string[] = [];
  for await (const { key } of lake.list('')) listed.push(key);
  expect(listed).toEqual(['a/b']);
});

test.each([
  ['ENOSPC', 'the disk is full'],
  ['EDQUOT', 'the disk quota is used up'],
  ['EROFS', 'the file system is read-only'],
])('%s while writing is told as Lake.Unwritable and changes nothing', async (code, words) => {
  const { lake, found, at } = openLake();
  await lake.write('a/b', bytes('old'));
  vi.mocked(files.writeSync).mockImplementation((file, data) => {
    real.writeSync(file, data as unknown as Uint8Array, 0, 1);
    throw failure(code);
  });
  await expect(lake.write('a/b', bytes('new'))).rejects.toMatchObject({
    name: 'Lake.Unwritable',
    message: expect.stringContaining(words),
  });
  await expect(lake.write('a/c', bytes('new'), { ifAbsent: true })).rejects.toMatchObject({ name: 'Lake.Unwritable' });
  expect(found()).toEqual(['a/b']);
  expect(at('a/b')).toBe('old');
});

test('a large file is written whole or not at all, under a condition too', async () => {
  const { root, lake, found, at } = openLake();
  const large = (letter: string) => bytes(letter.repeat(100_000));
  await lake.write('a/b', large('x'), { ifAbsent: true });
  await expect(lake.write('a/b', large('y'), { ifAbsent: true })).rejects.toMatchObject({ name: 'Lake.Conflict' });
  vi.mocked(files.renameSync).mockImplementationOnce(() => {
    throw failure('ENOSPC');
  });
  await expect(lake.write('a/b', large('y'))).rejects.toMatchObject({ name: 'Lake.Unwritable' });
  expect(found()).toEqual(['a/b']);
  await Promise.all(['y', 'z'].map((letter) => lake.write(`a/${letter}`, large(letter))));
  expect([at('a/b'), at('a/y'), at('a/z')]).toEqual(['x', 'y', 'z'].map((letter) => letter.repeat(100_000)));
  real.rmSync(join(root, '.tmp'), { recursive: true });
  await expect(lake.write('a/b', large('y'))).rejects.toMatchObject({ code: 'ENOENT' });
  expect(at('a/b')).toBe('x'.repeat(100_000));
});

test('an error it does not know keeps its own name, and the half-written file goes', async () => {
  const { lake, found } = openLake();
  vi.mocked(files.writeSync).mockImplementationOnce(() => {
    throw failure('EIO');
  });
  await expect(lake.write('a/b', bytes('x'))).rejects.toMatchObject({ code: 'EIO' });
  expect(found()).toEqual([]);
});

test('a file where a folder is needed is told with its path', async () => {
  const { root, lake } = openLake();
  mkdirSync(root, { recursive: true });
  writeFileSync(join(root, 'staging'), 'a file');
  const error = { name: 'Lake.Unwritable', message: expect.stringContaining(join(root, 'staging')) };
  await expect(lake.write('staging/run=1/x', bytes('x'))).rejects.toMatchObject(error);
  await expect(lake.write('staging/x', bytes('x'))).rejects.toMatchObject(error);
  expect(readFileSync(join(root, 'staging'), 'utf8')).toBe('a file');
});

test('a file adopted from another file system is copied and removed', async () => {
  const { lake, at } = openLake();
  const path = join(temporaryFolder(), 'made');
  writeFileSync(path, 'made');
  vi.mocked(files.renameSync).mockImplementationOnce(() => {
    throw failure('EXDEV');
  });
  await lake.adopt(path, 'a/b');
  expect(at('a/b')).toBe('made');
  expect(existsSync(path)).toBe(false);
});

test('a full disk while adopting is Lake.Unwritable and leaves the old content', async () => {
  const { lake, at } = openLake();
  await lake.write('a/b', bytes('old'));
  const path = join(temporaryFolder(), 'made');
  writeFileSync(path, 'made');
  vi.mocked(files.renameSync).mockImplementationOnce(() => {
    throw failure('ENOSPC');
  });
  await expect(lake.adopt(path, 'a/b')).rejects.toMatchObject({ name: 'Lake.Unwritable' });
  expect(at('a/b')).toBe('old');
});

test('folders left empty go, up to the lake itself', async () => {
  const { root, lake } = openLake();
  await lake.write('staging/run=1/date=2025-11-19.json', bytes('x'));
  await lake.write('staging/run=2/date=2025-11-19.json', bytes('x'));
  await lake.remove(['staging/run=1/date=2025-11-19.json']);
  expect(readdirSync(join(root, 'staging'))).toEqual(['run=2']);
  await lake.remove(['staging/run=2/date=2025-11-19.json']);
  expect(readdirSync(root)).toEqual(['.tmp']);
});

test('a folder that another process removed meanwhile is made again', async () => {
  const { root, lake, at } = openLake();
  const other = new FileLake(pathToFileURL(root).href);
  await lake.write('quarantine/a', bytes('a'));
  await other.remove(['quarantine/a']);
  expect(existsSync(join(root, 'quarantine'))).toBe(false);
  await lake.write('quarantine/b', bytes('b'), { ifAbsent: true });
  expect(at('quarantine/b')).toBe('b');
  await other.remove(['quarantine/b']);
  await lake.write('quarantine/c', bytes('c'));
  expect(at('quarantine/c')).toBe('c');
  const path = join(temporaryFolder(), 'made');
  writeFileSync(path, 'made');
  await other.remove(['quarantine/c']);
  await lake.adopt(path, 'quarantine/d');
  expect(at('quarantine/d')).toBe('made');
});

test('of many writers over one version exactly one wins', async () => {
  const { root, lake, at } = openLake();
  await lake.write('a', bytes('first'));
  const { etag } = (await lake.open('a'))!;
  const writers = Array.from({ length: 8 }, () => new FileLake(pathToFileURL(root).href));
  const ends = await Promise.allSettled(
    writers.map((writer, index) => writer.write('a', bytes(`by ${index}`), { ifEtag: etag })),
  );
  const won = ends.flatMap(({ status }, index) => (status === 'fulfilled' ? [index] : []));
  expect(won).toHaveLength(1);
  expect(at('a')).toBe(`by ${won[0]}`);
  expect(readdirSync(join(root, '.tmp'))).toEqual([]);
});

test('a lake is where its URI says, blanks and all', async () => {
  const folder = join(temporaryFolder(), 'my lake #1');
  const lake = new FileLake(`${pathToFileURL(folder).href}/`);
  await lake.write('a', bytes('x'));
  expect(readFileSync(join(folder, 'a'), 'utf8')).toBe('x');
  expect(dirname(lake.path('b/c'))).toBe(join(folder, 'b'));
});
