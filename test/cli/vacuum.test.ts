import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { sessionAt } from '../../src/calendar/calendar.ts';
import type { Context } from '../../src/cli/context.ts';
import { vacuumLake } from '../../src/cli/vacuum.ts';
import { loadConfig } from '../../src/config.ts';
import { consolidate } from '../../src/jobs/consolidate/consolidate.ts';
import { FileLake } from '../../src/lake/file-lake.ts';
import { keys } from '../../src/lake/lake.ts';
import { openHome } from '../../src/local/home.ts';
import { bar, originalFile } from '../lake/published.ts';

const DATES = [sessionAt(9000), sessionAt(9001)];
let home: string;
let lake: FileLake;
let printed: string[];

beforeEach(async () => {
  home = mkdtempSync(join(tmpdir(), 'vacuum-'));
  lake = new FileLake(pathToFileURL(join(home, 'lake')).href);
  printed = [];
  for (const date of DATES) for (const symbol of ['AAPL', 'TRUE']) await originalFile(lake, bar(symbol, date));
  await consolidate(lake, { mode: 'incremental', maxWorkers: 2, runId: 'test', adoptedPrices: 'unadjusted' });
  await originalFile(lake, bar('NEW', DATES[0]!));
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

function contextOf(json = false): Context {
  const terminal = {
    json,
    live: false,
    colour: false,
    print: (text: string | readonly string[]) => void printed.push(...[text].flat()),
    note: () => {},
    typed: String,
  };
  const config = loadConfig({ AFTERBELL_HOME: home });
  return { config, terminal, signal: new AbortController().signal } as unknown as Context;
}

test('a dry run prints every key that a run would delete, and the table', async () => {
  expect(await vacuumLake({ dryRun: true, symbols: 'AAPL' }, contextOf())).toBe(0);
  expect(printed.slice(0, 2)).toEqual(DATES.map((date) => keys.symbolDate('AAPL', date)));
  expect(printed.join('\n')).toMatch(/would go +2\n[\s\S]*untouched +0\n[\s\S]* bytes would be freed/);
  expect(await lake.read(keys.symbolDate('AAPL', DATES[0]!))).toBeDefined();
});

test('a run deletes them, one JSON document says what', async () => {
  expect(await vacuumLake({ retentionDays: '10', maxWorkers: '1' }, contextOf(true))).toBe(0);
  expect(printed).toHaveLength(1);
  const said = JSON.parse(printed[0]!);
  expect(said).toMatchObject({ filesDeleted: 4, filesUntouched: 1, status: 'success' });
  expect(said.files).toHaveLength(4);
  expect(await lake.read(keys.symbolDate('AAPL', DATES[0]!))).toBeUndefined();
  expect(await lake.read(keys.symbolDate('NEW', DATES[0]!))).toBeDefined();
});

test('while another process owns the home nothing is deleted, a dry run is answered', async () => {
  const owner = await openHome(home, { mode: 'write' });
  try {
    await expect(vacuumLake({}, contextOf())).rejects.toMatchObject({ name: 'Home.Busy' });
    expect(await vacuumLake({ dryRun: true }, contextOf())).toBe(0);
  } finally {
    await owner.close();
  }
  expect(await lake.read(keys.symbolDate('AAPL', DATES[0]!))).toBeDefined();
});

test.each([{ retentionDays: '-1' }, { retentionDays: 'x' }, { maxWorkers: '0' }, { symbols: ',' }])(
  '%o is refused as wrong usage',
  async (options) => {
    await expect(vacuumLake(options, contextOf())).rejects.toMatchObject({ name: 'Usage.Invalid' });
  },
);
