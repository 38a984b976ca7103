import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeAll, expect, test } from 'vitest';
import { FileLake } from '../../src/lake/file-lake.ts';
import { claimLake, keys } from '../../src/lake/lake.ts';
import { encodeBars } from '../../src/lake/session-files.ts';
import { bar } from '../checks/bars.ts';
import { afterbell } from '../nights/command.ts';
import { scratch } from '../nights/scene.ts';
import rows from './query-lake.json';

let lake: FileLake;
let env: Record<string, string>;
const folder = scratch();
const file = join(folder, 'written');

beforeAll(async () => {
  lake = new FileLake(pathToFileURL(join(folder, 'lake [1]*')).href);
  await claimLake(lake, 'practice');
  for (const key of [keys.symbol('A'), keys.session('2025-11-19')]) {
    await lake.write(key, encodeBars([bar('OWN', '2025-11-19')]));
  }
  env = { AFTERBELL_HOME: scratch(), LAKE_URI: lake.uri, HOME: scratch() };
});

// What one row wrote must not fail the rows after it.
afterEach(() => {
  for (const path of [file, join(env.HOME!, '.duckdb')]) rmSync(path, { recursive: true, force: true });
});

test.each(rows)('query with $name changes no file and reads no other', async ({ input, expected }) => {
  const bars = lake.path(keys.symbol('A'));
  const before = readFileSync(bars);
  const sql = input.replaceAll('$FILE', file).replaceAll('$BARS', bars).replaceAll('$OTHER', lake.path(keys.stamp));
  const { code, stdout, stderr } = await afterbell(['query', sql, '--json'], env);
  expect(readFileSync(bars).equals(before)).toBe(true);
  expect(existsSync(file)).toBe(false);
  expect(existsSync(join(env.HOME!, '.duckdb'))).toBe(false);
  expect(stdout + stderr).toContain(expected);
  expect(code).toBe(/^\[|column_name|_plan/.test(expected) ? 0 : 2);
});
