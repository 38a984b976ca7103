import { spawn } from 'node:child_process';
import { cpSync, readdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { keys } from '../../src/lake/lake.ts';
import { afterbell, typed } from './command.ts';
import { cli } from './program.ts';
import { HELD, lakeFiles, MORNING, openScene, SESSION, scratch } from './scene.ts';

/** What no clock and no run of its own decides; company data are the vendors' and the warehouse's alone. */
const DUMPS = [
  'SELECT symbol, date::text, open, high, low, close, volume, vwap, source, ingested_at::text FROM stock_prices ORDER BY 1, 2',
  'SELECT dataset, symbol, last_date::text FROM ingestion_watermarks ORDER BY 1, 2',
  'SELECT symbol, execution_date::text, split_from, split_to, first_seen::text FROM splits ORDER BY 1, 2',
  'SELECT "index", symbol, valid_from::text, valid_to::text FROM index_members ORDER BY 2, 3',
  'SELECT dataset, symbol, figi, share_class_figi, asset_id, valid_from::text, valid_to::text, reason FROM symbol_history ORDER BY 1, 2, 6',
  `SELECT session::text, kind, status, reasons::text FROM nights WHERE kind <> 'task' ORDER BY 1, 2`,
  `SELECT task_name, status, rows_updated, error_message FROM sync_logs WHERE metadata ->> 'run_id' LIKE 'night-%' ORDER BY 1`,
];

let sound: string;
let before: { files: Map<string, string>; tables: unknown[] };
beforeAll(async () => {
  const scene = await openScene();
  await scene.run(MORNING);
  await scene.close();
  sound = scene.home;
  before = await contents(sound);
});

async function contents(home: string) {
  const files = new Map([...lakeFiles(home)].map(([key, text]) => [key, lasting(key, text.split(' ')[1]!)]));
  const tables: unknown[] = [];
  for (const sql of DUMPS) {
    const { stdout, stderr, code } = await afterbell(['query', '--warehouse', sql, '--json'], { AFTERBELL_HOME: home });
    if (code !== 0) throw new Error(stderr);
    tables.push(JSON.parse(stdout));
  }
  return { files, tables };
}

/** A copied home has other etags. */
function lasting(key: string, base64: string): string {
  if (key !== keys.consolidated) return base64;
  return Buffer.from(base64, 'base64')
    .toString()
    .replace(/"etag":\s*"[^"]*"/g, '');
}

function copyOf(home: string): string {
  const copy = join(scratch(), 'home');
  cpSync(home, copy, { recursive: true, preserveTimestamps: true });
  return copy;
}

/** Everything that follows from other files, damaged or gone. */
function breakAll(home: string): void {
  const lake = (key: string) => join(home, 'lake', key);
  const [first, second] = readdirSync(lake('bronze/raw_ohlcv')).sort();
  truncateSync(lake(`bronze/raw_ohlcv/${first}/data.parquet`), 40);
  rmSync(lake(`bronze/raw_ohlcv/${second}/data.parquet`));
  truncateSync(lake(keys.manifest), 30);
  truncateSync(lake(keys.silver(3, HELD.last.slice(0, 7))), 50);
  rmSync(lake(keys.silver(5, HELD.last.slice(0, 7))));
  writeFileSync(lake(keys.silverCheckpoint(8)), '{"half":');
  rmSync(join(home, 'warehouse'), { recursive: true });
}

const NAMED = ['run sync-metadata', 'run sync-valuations'];

test('what follows from session files and lists is listed, rebuilt as it was, and nothing of it is left to do', async () => {
  const home = copyOf(sound);
  breakAll(home);
  const env = { AFTERBELL_HOME: home };
  const listed = await afterbell(['verify'], env);
  expect(listed.code).toBe(1);
  expect(listed.stdout).toMatch(/verify --repair does this:\n {2}remove \d damaged files: /);
  expect(listed.stdout).toContain(`\n${typed(env)} verify --repair does this:\n`);
  const repaired = JSON.parse((await afterbell(['verify', '--repair', '--json'], env)).stdout);
  expect(repaired.steps).toEqual([]);
  expect(repaired.done.map((text: string) => text.split(' ')[0])).toEqual(
    expect.arrayContaining(['remove', 'rebuild', 'load']),
  );
  // Company data lie in the warehouse alone: named, not rebuilt.
  expect(repaired.checks.flatMap(({ repairs }: { repairs: string[] }) => repairs)).toEqual(
    NAMED.map((command) => `${typed(env)} ${command}`),
  );
  const after = await contents(home);
  expect([...after.files.keys()]).toEqual([...before.files.keys()]);
  expect([...after.files].filter(([key, text]) => before.files.get(key) !== text).map(([key]) => key)).toEqual([]);
  expect(after.tables).toEqual(before.tables);
  for (const command of NAMED) expect((await afterbell(command.split(' '), env)).code).toBe(0);
  const again = await afterbell(['verify', '--repair', '--json'], env);
  expect(JSON.parse(again.stdout), again.stdout).toMatchObject({ clean: true, steps: [], done: [] });
  expect(again.code).toBe(0);
});

test('a repair that is killed at any step is run again and ends the same', async () => {
  const home = copyOf(sound);
  breakAll(home);
  for (const step of ['rebuild the histories', 'rebuild N-session', 'load splits', 'load symbol_history'])
    await killedAt(step, home);
  await afterbell(['verify', '--repair'], { AFTERBELL_HOME: home });
  const after = await contents(home);
  expect([...after.files].filter(([key, text]) => before.files.get(key) !== text).map(([key]) => key)).toEqual([]);
  expect(after.tables).toEqual(before.tables);
});

/** Runs the repair until it says that it begins a step (or ends without it), and kills it there. */
async function killedAt(step: string, home: string): Promise<void> {
  const child = spawn(process.execPath, [cli, 'verify', '--repair'], {
    cwd: scratch(),
    env: { PATH: process.env.PATH, AFTERBELL_HOME: home, SYMBOLS: '60' },
  });
  let said = '';
  child.stdout.on('data', (text: Buffer) => {
    said += text.toString();
    if (said.includes(`repairing: ${step}`)) child.kill('SIGKILL');
  });
  await new Promise((resolve) => child.once('exit', resolve));
}

test('a damaged session is for a night to fetch again; the rest is rebuilt all the same', async () => {
  const home = copyOf(sound);
  const env = { AFTERBELL_HOME: home };
  truncateSync(join(home, 'lake', keys.session(SESSION)), 100);
  rmSync(join(home, 'lake', 'bronze', 'raw_ohlcv', readdirSync(join(home, 'lake', 'bronze', 'raw_ohlcv')).sort()[0]!), {
    recursive: true,
  });
  const said = await afterbell(['verify', '--repair'], env);
  expect(said.code).toBe(1);
  expect(said.stdout).toContain(`What it cannot rebuild, in this order:\n  ${typed(env)} night --session ${SESSION}\n`);
});
