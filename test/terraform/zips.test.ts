import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { inflateRawSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { zip } from '../../scripts/zip.mjs';
import { root } from './tooling.ts';

const run = promisify(execFile);
const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

async function buildTo(folder: string): Promise<Record<string, string>> {
  await run(process.execPath, [join(root, 'scripts/build.mjs'), folder]);
  const names = readdirSync(join(folder, 'zips')).sort();
  return Object.fromEntries(names.map((name) => [name, sha256(readFileSync(join(folder, 'zips', name)))]));
}

test('two builds in different folders give byte-identical zips, one a function', async () => {
  const home = mkdtempSync(join(tmpdir(), 'afterbell-zips-'));
  try {
    const first = await buildTo(join(home, 'one'));
    const second = await buildTo(join(home, 'another/place'));
    expect(second).toEqual(first);
    expect(Object.keys(first)).toEqual(
      readdirSync(join(root, 'functions'))
        .map((name) => `${name}.zip`)
        .sort(),
    );
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
}, 240_000);

test('a zip holds its files by name, readable by everybody, whatever their order', () => {
  const files = { 'b.txt': Buffer.from('two'), 'a.mjs': Buffer.from('export {};\n') };
  const bytes = zip(files);
  expect(zip({ 'a.mjs': files['a.mjs'], 'b.txt': files['b.txt'] }).equals(bytes)).toBe(true);
  expect(entries(bytes)).toEqual([
    { name: 'a.mjs', content: 'export {};\n', mode: 0o100644 },
    { name: 'b.txt', content: 'two', mode: 0o100644 },
  ]);
});

/** Reads a zip by its central directory, as unpackers do. */
function entries(bytes: Buffer): { name: string; content: string; mode: number }[] {
  const end = bytes.lastIndexOf('PK\x05\x06', undefined, 'latin1');
  let at = bytes.readUInt32LE(end + 16);
  return Array.from({ length: bytes.readUInt16LE(end + 10) }, () => {
    const nameLength = bytes.readUInt16LE(at + 28);
    const name = bytes.toString('utf8', at + 46, at + 46 + nameLength);
    const size = bytes.readUInt32LE(at + 20);
    const offset = bytes.readUInt32LE(at + 42);
    const begin = offset + 30 + bytes.readUInt16LE(offset + 26) + bytes.readUInt16LE(offset + 28);
    const packed = bytes.subarray(begin, begin + size);
    const content = (bytes.readUInt16LE(at + 10) === 8 ? inflateRawSync(packed) : packed).toString();
    const mode = bytes.readUInt32LE(at + 38) >>> 16;
    at += 46 + nameLength + bytes.readUInt16LE(at + 30) + bytes.readUInt16LE(at + 32);
    return { name, content, mode };
  });
}
