import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { sessionsBetween } from '../../src/calendar/calendar.ts';
import { FileLake } from '../../src/lake/file-lake.ts';
import { keys } from '../../src/lake/lake.ts';
import { encodeRows } from '../../src/lake/parquet.ts';
import { checksumOf } from '../../src/lake/session-files.ts';
import { bar, publish } from '../lake/published.ts';
import { bundleJob, runProgram } from './programs.ts';

/** A day on which nothing traded, although the calendar did not know it yet. */
const CLOSED = '2025-11-10';
const FAR = '2026-03-12';
const SESSIONS = sessionsBetween('2025-10-27', '2025-11-20').filter((date) => date !== CLOSED);
const SYMBOLS = ['AAPL', 'BRK.B', 'TRUE'];

const programs = { consolidator: '', resampler: '', closed: '', far: '' };
let home: string;
let lake: FileLake;
beforeAll(async () => {
  const [consolidator, resampler, closed, far] = await Promise.all([
    bundleJob('consolidator'),
    bundleJob('resampler'),
    bundleJob('resampler', CLOSED),
    bundleJob('resampler', FAR),
  ]);
  Object.assign(programs, { consolidator, resampler, closed, far });
});
beforeEach(async () => {
  home = mkdtempSync(join(tmpdir(), 'checkpoint-'));
  lake = new FileLake(pathToFileURL(join(home, 'lake')).href);
  for (const date of SESSIONS.slice(0, -1)) await session(date);
  await storeSplits('2025-11-18');
  await run('consolidator');
  await run('resampler');
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

async function session(date: string): Promise<void> {
  await publish(
    lake,
    date,
    SYMBOLS.map((symbol) => bar(symbol, date)),
  );
}

/** A list with AAPL's 4:1 of 2025-11-14, and with a 3:1 of 2025-11-17 when asked for. */
async function storeSplits(date: string, later = false): Promise<void> {
  const text = { name: 'symbol', type: 'text' } as const;
  const numbers = ['split_from', 'split_to'].map((name) => ({ name, type: 'double' }) as const);
  const split = { symbol: 'AAPL', execution_date: '2025-11-14', split_from: 1, split_to: 4 };
  const rows = later ? [split, { ...split, execution_date: '2025-11-17', split_to: 3 }] : [split];
  const bytes = encodeRows([text, { name: 'execution_date', type: 'date' }, ...numbers], rows);
  await lake.write(keys.snapshot('splits', date), bytes);
}

async function run(program: keyof typeof programs, argv: string[] = [], folder = join(home, 'lake')) {
  const uri = pathToFileURL(folder).href;
  const env = { LAKE_URI: uri, RUN_ID: 'r', SCRATCH_DIR: home, RESAMPLING_INTERVALS: '3,5', MEMORY_LIMIT_MB: '200' };
  const ended = await runProgram(programs[program], argv, env);
  const summary = ended.stdout.trim() === '' ? undefined : JSON.parse(ended.stdout);
  return { code: ended.code, summary, last: ended.stderr.trim().split('\n').at(-1) ?? '' };
}

/** The bars of N sessions and their checkpoints, by checksum. */
function made(folder = join(home, 'lake')): Record<string, string> {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((file) => file.isFile());
  const paths = files.map((file) => join(file.parentPath, file.name).slice(folder.length + 1));
  const ours = paths.filter((path) => /^silver\/|\/silver_\d+d_checkpoint/.test(path)).sort();
  return Object.fromEntries(ours.map((path) => [path, checksumOf(readFileSync(join(folder, path)))]));
}

/** What a full run would make of this lake. */
async function rebuilt(program: keyof typeof programs): Promise<Record<string, string>> {
  const folder = join(home, 'copy');
  cpSync(join(home, 'lake'), folder, { recursive: true });
  expect(await run(program, ['--mode', 'full'], folder)).toMatchObject({ code: 0 });
  return made(folder);
}

test('a closure that the calendar learns of later rebuilds all bars once, with a note', async () => {
  await session(SESSIONS.at(-1)!);
  await run('consolidator');
  const { code, summary } = await run('closed');
  expect(code).toBe(0);
  expect(made()).toEqual(await rebuilt('closed'));
  expect(summary).toMatchObject({ wholeSymbols: SYMBOLS.length, status: 'success', errors: [] });
  expect(summary.notes).toEqual([expect.stringMatching(/rebuilt in full: the exchange calendar has changed/)]);
  expect((await run('closed')).summary).toMatchObject({ wholeSymbols: 0, windows: 0, filesWritten: 0, notes: [] });
});

test('a closure of a day no window reaches rebuilds nothing', async () => {
  const before = made();
  expect((await run('far')).summary).toMatchObject({ wholeSymbols: 0, windows: 0, filesWritten: 0, notes: [] });
  expect(made()).toEqual(before);
});

test('a checkpoint that does not say which calendar it was made with is brought up to date once, with a note', async () => {
  const before = made();
  for (const interval of [3, 5]) {
    const path = join(home, 'lake', keys.silverCheckpoint(interval));
    const { calendar, ...older } = JSON.parse(readFileSync(path, 'utf8'));
    expect(calendar).toBeDefined();
    writeFileSync(path, JSON.stringify(older));
  }
  const { summary } = await run('resampler');
  expect(summary).toMatchObject({ wholeSymbols: SYMBOLS.length, status: 'success' });
  expect(summary.notes).toEqual([expect.stringMatching(/rebuilt in full: .*do not say which calendar/)]);
  expect(made()).toEqual(before);
  expect((await run('resampler')).summary).toMatchObject({ wholeSymbols: 0, notes: [] });
});

test.each([[[]], [['--mode', 'full']]])(
  'without the list of splits that the bars were adjusted by nothing is rewritten (%j)',
  async (argv) => {
    await session(SESSIONS.at(-1)!);
    await run('consolidator');
    const before = made();
    await lake.remove([keys.snapshot('splits', '2025-11-18')]);
    const { code, last } = await run('resampler', argv);
    expect(made()).toEqual(before);
    expect(code).toBe(1);
    expect(JSON.parse(last)).toMatchObject({
      name: 'Lake.Corrupt',
      message: expect.stringMatching(/AAPL.*sync-splits/),
    });

    await storeSplits('2025-11-20');
    expect(await run('resampler', argv)).toMatchObject({ code: 0 });
    expect(made()).toEqual(await rebuilt('resampler'));
  },
);

test('an older list that lacks a split the bars were adjusted by is refused, one that has it is not', async () => {
  await storeSplits('2025-11-19', true);
  await run('resampler');
  const before = made();
  await lake.remove([keys.snapshot('splits', '2025-11-19')]);
  for (const argv of [[], ['--mode', 'full']]) {
    const { code, last } = await run('resampler', argv);
    expect([code, last]).toEqual([
      1,
      expect.stringMatching(/Lake\.Corrupt.*AAPL.*found the list of 2025-11-18; wanted .*2025-11-19.*sync-splits/),
    ]);
    expect(made()).toEqual(before);
  }
  await storeSplits('2025-11-18', true);
  expect(await run('resampler')).toMatchObject({ code: 0 });
});

test('a lake that never knew a split needs no list', async () => {
  const folder = join(home, 'other');
  cpSync(join(home, 'lake'), folder, { recursive: true });
  for (const path of ['reference', 'silver']) rmSync(join(folder, path), { recursive: true });
  for (const interval of [3, 5]) rmSync(join(folder, keys.silverCheckpoint(interval)));
  for (const argv of [[], [], ['--mode', 'full']])
    expect(await run('resampler', argv, folder)).toMatchObject({ code: 0, summary: { status: 'success' } });
});
