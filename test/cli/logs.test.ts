import { appendFileSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Context } from '../../src/cli/context.ts';
import { logs } from '../../src/cli/logs.ts';
import { loadConfig } from '../../src/config.ts';

let home: string;
let printed: string[];
const stop = new AbortController();

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'logs-'));
  mkdirSync(join(home, 'logs'));
  printed = [];
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

function write(file: string, ...lines: object[]): void {
  for (const line of lines) appendFileSync(join(home, 'logs', `${file}.jsonl`), `${JSON.stringify(line)}\n`);
}
function context(json = false, signal = stop.signal): Context {
  const print = (text: string) => void printed.push(text);
  const terminal = { json, live: false, colour: false, print, note: print };
  const program = { functions: { 'sync-tickers': '', 'stage-session': '' } };
  return {
    config: loadConfig({ AFTERBELL_HOME: home }),
    program,
    terminal,
    signal,
    unread: new AbortController().signal,
  } as unknown as Context;
}
const at = (second: number) => `2026-11-20T09:00:0${second}.000Z`;

test('a function’s lines are printed with time, name, message and figures, its metrics are not', async () => {
  write(
    'functions',
    {
      at: at(1),
      name: 'sync-tickers',
      record: { level: 'INFO', message: 'page', page: 2, rows: 1000, perSecond: 264.69775, runId: 'a' },
    },
    { at: at(2), name: 'stage-session', record: { level: 'INFO', message: 'page' } },
    { at: at(3), name: 'sync-tickers', record: { _aws: {}, pages: 2 } },
    {
      at: at(4),
      name: 'sync-tickers',
      record: { level: 'ERROR', message: 'failed', error: { name: 'Vendor.AuthFailed', message: 'no' } },
    },
    { at: at(5), name: 'sync-tickers', text: 'plain words' },
  );
  expect(await logs('sync-tickers', {}, context())).toBe(0);
  expect(printed).toEqual([
    '09:00:01 sync-tickers  page page=2 rows=1000 perSecond=264.7',
    '09:00:04 sync-tickers  ERROR failed Vendor.AuthFailed: no',
    '09:00:05 sync-tickers  plain words',
  ]);
});

test('a job is found by its image’s name, and a run by its id', async () => {
  write(
    'jobs',
    { at: at(1), name: 'consolidate-2026-11-19', record: { job: 'consolidate', done: 5, total: 9, runId: 'a' } },
    { at: at(2), name: 'consolidate-2026-11-20', record: { job: 'consolidate', done: 9, total: 9, runId: 'b' } },
    { at: at(3), name: 'resample-2026-11-20', record: { job: 'resample', done: 1, total: 9, runId: 'b' } },
  );
  await logs('consolidator', { run: 'b' }, context(true));
  expect(printed).toHaveLength(1);
  expect(JSON.parse(printed[0]!)).toMatchObject([{ content: { job: 'consolidate', done: 9, total: 9, runId: 'b' } }]);
});

test('a name that logs nothing of ours lists those that do', async () => {
  await expect(logs('sync-ticker', {}, context())).rejects.toMatchObject({
    name: 'Usage.Invalid',
    message: expect.stringContaining('sync-tickers'),
  });
});

test('a home without logs says so', async () => {
  await logs('sync-tickers', {}, context());
  expect(printed).toEqual(['sync-tickers logged nothing.']);
});

test('a run without a line here ends with 1, and is an empty document', async () => {
  expect(await logs('sync-tickers', { run: 'nope' }, context())).toBe(1);
  expect(printed).toEqual([expect.stringContaining('sync-tickers logged nothing in run nope')]);
  printed = [];
  expect(await logs('sync-tickers', { run: 'nope' }, context(true))).toBe(1);
  expect(JSON.parse(printed[0]!)).toEqual([]);
});

test('following prints each later line once, and half a line not before it is whole', async () => {
  const end = new AbortController();
  write('functions', { at: at(1), name: 'sync-tickers', text: 'one' });
  const following = logs('sync-tickers', { follow: true }, context(false, end.signal));
  await until(() => printed.length === 1);
  const second = JSON.stringify({ at: at(2), name: 'sync-tickers', text: 'two' });
  appendFileSync(join(home, 'logs', 'functions.jsonl'), second.slice(0, 20));
  appendFileSync(join(home, 'logs', 'functions.jsonl'), `${second.slice(20)}\n`);
  await until(() => printed.length === 2);
  end.abort();
  expect(await following).toBe(0);
  expect(printed.map((line) => line.split('  ')[1])).toEqual(['one', 'two']);
});

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 10));
}
