import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { zip } from '../../scripts/zip.mjs';
import { root } from './tooling.ts';
import { unzip } from './unzip.ts';

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
});

test('a zip holds its files by name, readable by everybody, whatever their order', () => {
  const files = { 'b.txt': Buffer.from('two'), 'a.mjs': Buffer.from('export {};\n') };
  const bytes = zip(files);
  expect(zip({ 'a.mjs': files['a.mjs'], 'b.txt': files['b.txt'] }).equals(bytes)).toBe(true);
  expect(unzip(bytes).map((file) => ({ ...file, content: file.content.toString() }))).toEqual([
    { name: 'a.mjs', content: 'export {};\n', mode: 0o100644 },
    { name: 'b.txt', content: 'two', mode: 0o100644 },
  ]);
});
