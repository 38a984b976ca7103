import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { sessionAt } from '../../src/calendar/calendar.ts';
import { FileLake } from '../../src/lake/file-lake.ts';
import { keys, readJson } from '../../src/lake/lake.ts';
import { bar, originalFile, publish } from '../lake/published.ts';
import { bundleJob, runProgram } from './programs.ts';

const DATES = Array.from({ length: 5 }, (_, i) => sessionAt(9000 + i));
const SYMBOLS = Array.from({ length: 40 }, (_, i) => `S${i}`);

describe('the jobs as programs', () => {
  let consolidator: string;
  let resampler: string;
  let home: string;
  let lake: FileLake;
  let env: Record<string, string>;

  beforeAll(async () => {
    [consolidator, resampler] = await Promise.all([bundleJob('consolidator'), bundleJob('resampler')]);
  });
  beforeEach(async () => {
    home = mkdtempSync(join(tmpdir(), 'jobs-'));
    lake = new FileLake(pathToFileURL(join(home, 'lake')).href);
    env = {
      LAKE_URI: lake.uri,
      RUN_ID: 'run-7',
      ADOPTED_PRICES: 'unadjusted',
      SCRATCH_DIR: home,
      RESAMPLING_INTERVALS: '3,5',
      MEMORY_LIMIT_MB: '200',
    };
    for (const date of DATES)
      await publish(
        lake,
        date,
        SYMBOLS.map((s) => bar(s, date)),
      );
  });
  afterEach(() => rmSync(home, { recursive: true, force: true }));

  test('each prints one summary line, leaves the same in the lake and exits 0', async () => {
    for (const [job, program] of [
      ['consolidate', consolidator],
      ['resample', resampler],
    ] as const) {
      const { code, stdout, stderr } = await runProgram(program, [], env);
      expect({ code, errors: stderr.split('\n').filter((line) => line.includes('"name"')) }).toEqual({
        code: 0,
        errors: [],
      });
      expect(stdout.trim().split('\n')).toHaveLength(1);
      const summary = JSON.parse(stdout);
      expect(summary).toMatchObject({ job, runId: 'run-7', status: 'success', symbols: 40, errors: [] });
      expect(await readJson(lake, keys.jobResult(job))).toEqual(summary);
      expect(JSON.parse(stderr.trim().split('\n').at(-1)!)).toMatchObject({ job });
    }
    // DuckDB's scratch is gone.
    expect(readdirSync(home)).toEqual(['lake']);
    expect(existsSync(lake.path(keys.silver(3, DATES[0]!.slice(0, 7))))).toBe(true);
  });

  test('arguments win over the environment, and unknown ones are refused by name', async () => {
    const some = await runProgram(consolidator, ['--mode', 'full', '--symbols', 'S1,S2'], env);
    expect(JSON.parse(some.stdout)).toMatchObject({ mode: 'full', symbols: 2 });
    for (const [program, argv] of [
      [consolidator, ['--mode', 'quick']],
      [resampler, ['--intervals', '3,x']],
      [resampler, ['--fast']],
    ] as const) {
      const { code, stdout, stderr } = await runProgram(program, [...argv], env);
      expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
      expect(JSON.parse(stderr)).toMatchObject({
        name: 'Usage.Invalid',
        message: expect.stringContaining('wanted [--mode'),
      });
    }
  });

  test('a damaged input ends the job with Job.Failed as its last words, and its summary lists it', async () => {
    await runProgram(consolidator, [], env);
    writeFileSync(lake.path(keys.symbol('S3')), 'PAR1');
    await publish(
      lake,
      sessionAt(9005),
      SYMBOLS.map((s) => bar(s, sessionAt(9005))),
    );
    const { code, stderr } = await runProgram(consolidator, [], env);
    expect(code).toBe(1);
    expect(JSON.parse(stderr.trim().split('\n').at(-1)!)).toMatchObject({
      name: 'Job.Failed',
      message: expect.stringContaining('S3'),
    });
    expect(await readJson(lake, keys.jobResult('consolidate'))).toMatchObject({
      status: 'failed',
      symbols: 39,
      errors: [{ name: 'Lake.Corrupt', symbol: 'S3' }],
    });
  });

  test('SIGTERM ends a job with 75 or lets it finish, SIGKILL anywhere loses nothing', async () => {
    const undisturbed = await snapshotAfter();
    for (const signal of ['SIGTERM', 'SIGKILL', 'SIGKILL', 'SIGKILL'] as const) {
      rmSync(lake.path('bronze/raw_ohlcv'), { recursive: true, force: true });
      rmSync(lake.path(keys.manifest), { force: true });
      rmSync(lake.path(keys.consolidated), { force: true });
      const started = signalWhen(signal, () => existsSync(lake.path('bronze/raw_ohlcv')));
      const { code, signal: by } = await runProgram(consolidator, [], { ...env, MAX_WORKERS: '1' }, started);
      if (signal === 'SIGTERM') expect([0, 75]).toContain(code);
      else expect(by === 'SIGKILL' || code === 0).toBe(true);
      expect(await snapshotAfter()).toEqual(undisturbed);
    }
  });

  test('vacuum lists with --dry-run what it then deletes, and records it', async () => {
    for (const symbol of SYMBOLS.slice(0, 3)) await originalFile(lake, bar(symbol, DATES[0]!));
    await runProgram(consolidator, ['--retention-days', '100000'], env);
    const listed = await runProgram(consolidator, ['vacuum', '--dry-run', '--symbols', 'S0,S2'], env);
    const lines = listed.stdout.trim().split('\n');
    const summary = JSON.parse(lines.pop()!);
    expect(lines.map((line) => JSON.parse(line).key)).toEqual(['S0', 'S2'].map((s) => keys.symbolDate(s, DATES[0]!)));
    expect(summary).toMatchObject({ job: 'vacuum', mode: 'dry-run', filesDeleted: 2 });
    expect(existsSync(lake.path(keys.jobResult('vacuum')))).toBe(false);
    const done = await runProgram(consolidator, ['vacuum', '--symbols', 'S0,S2', '--max-workers', '2'], env);
    expect(JSON.parse(done.stdout)).toMatchObject({ mode: 'delete', filesDeleted: 2, bytesFreed: summary.bytesFreed });
    expect(existsSync(lake.path(keys.cleanups))).toBe(true);
    expect(SYMBOLS.slice(0, 3).map((s) => existsSync(lake.path(keys.symbolDate(s, DATES[0]!))))).toEqual([
      false,
      true,
      false,
    ]);
    for (const argv of [['vacuum', '--mode', 'full'], ['--dry-run'], ['vacuum', '--retention-days', '-1'], ['sweep']]) {
      expect(await runProgram(consolidator, argv, env)).toMatchObject({
        code: 1,
        stderr: expect.stringContaining('Usage.Invalid'),
      });
    }
  });

  test('children of an array job make the lake that one job makes', async () => {
    const undisturbed = await snapshotAfter();
    for (const path of ['bronze/raw_ohlcv', keys.manifest, keys.consolidated]) {
      rmSync(lake.path(path), { recursive: true, force: true });
    }
    const child = (index: number) => ({
      ...env,
      AWS_BATCH_JOB_ID: `job:${index}`,
      AWS_BATCH_JOB_ARRAY_INDEX: String(index),
      AWS_BATCH_JOB_ARRAY_SIZE: '2',
    });
    const ended = await Promise.all([0, 1].map((index) => runProgram(consolidator, [], child(index))));
    expect(ended.map(({ code }) => code)).toEqual([0, 0]);
    expect(await readJson(lake, keys.jobResult('consolidate'))).toMatchObject({ symbols: 40, rows: 200 });
    expect(await snapshotAfter()).toEqual(undisturbed);
  });

  async function snapshotAfter(): Promise<Record<string, string>> {
    expect((await runProgram(consolidator, [], env)).code).toBe(0);
    const files = SYMBOLS.map((symbol) => keys.symbol(symbol)).concat(keys.manifest);
    return Object.fromEntries(files.map((key) => [key, readFileSync(lake.path(key)).toString('base64')]));
  }
});

/** Sends a signal as soon as the first file of the job's work is seen. */
function signalWhen(signal: NodeJS.Signals, seen: () => boolean) {
  return (child: { kill(signal: NodeJS.Signals): boolean; exitCode: number | null }) => {
    const look = () => {
      if (child.exitCode !== null) return;
      if (seen()) child.kill(signal);
      else setTimeout(look, 1);
    };
    look();
  };
}
