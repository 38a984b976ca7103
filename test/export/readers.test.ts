import { execFile } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, expect, test } from 'vitest';
import { sessionsBetween } from '../../src/calendar/calendar.ts';
import type { FileLake } from '../../src/lake/file-lake.ts';
import { publish } from '../lake/published.ts';
import { temporaryFolder } from '../local/programs.ts';
import { pythonWith } from '../python.ts';
import { root } from '../terraform/tooling.ts';
import { barsOn, exportTo, makeLake, SESSIONS, TONIGHT, viewOf } from './scene.ts';

const run = promisify(execFile);

/** Both in one environment. Of qlib only what reads data is needed, not its notebooks, trainers and solvers, a gigabyte. */
const PACKAGES = ['zipline-reloaded==3.2.1', 'pandas==2.3.3', 'mlflow-skinny==3.17.2', 'ruamel.yaml==0.19.1'];
const OF_QLIB = [
  'filelock',
  'redis',
  'dill',
  'fire',
  'python-redis-lock',
  'pymongo',
  'loguru',
  'gym',
  'joblib',
  'pydantic-settings',
];
const READERS = { packages: [...PACKAGES, ...OF_QLIB], alone: ['pyqlib==0.9.7'] };

let lake: FileLake;
let python: string | undefined;
beforeAll(async () => {
  lake = await makeLake();
  python = await pythonWith(READERS.packages, 'zipline and qlib read no export', READERS.alone);
});

async function told<T>(program: string, args: readonly string[]): Promise<T> {
  const { stdout } = await run(python!, ['-W', 'ignore', join(root, 'test', 'export', program), ...args], {
    maxBuffer: 1 << 28,
  });
  return JSON.parse(stdout.slice(stdout.indexOf('{'))) as T;
}

/** Zipline keeps prices as whole tenths of a cent. */
const toTheCent = (found: number | null | undefined, wanted: number) =>
  expect(Math.abs(Number(found) - wanted)).toBeLessThan(0.005);

type Zipline = Record<string, [string, ...(number | null)[]][]>;

test('zipline ingests an export, and has every bar and every adjusted close of the views to the cent', async ({
  skip,
}) => {
  if (!python) return skip();
  const folder = temporaryFolder();
  await exportTo(folder, lake, 'csvdir');
  // Bars that a night added are ingested like those of a first export.
  await publish(lake, TONIGHT, barsOn(TONIGHT));
  await exportTo(folder, lake, 'csvdir');
  const found = await told<Zipline>('read-zipline.py', [folder, temporaryFolder()]);
  const [raw, total, splitOnly] = [
    await viewOf(lake, 'sessions'),
    await viewOf(lake, 'bars_total_return'),
    await viewOf(lake, 'bars_split_adjusted'),
  ];
  // Zipline writes symbols in capitals.
  const nameOf = (series: string) => series.replace('.', '_').toUpperCase();
  expect(Object.keys(found).sort()).toEqual([...raw.keys()].map(nameOf).sort());
  let compared = 0;
  for (const [series, rows] of raw) {
    const own = found[nameOf(series)]!;
    expect(own.map(([date]) => date)).toEqual(sessionsBetween(rows[0]!.date, rows.at(-1)!.date));
    const byDate = new Map(own.map((row) => [row[0], row]));
    for (const [place, { date, ...row }] of rows.entries()) {
      const [, open, high, low, close, volume, adjusted, adjustedVolume] = byDate.get(date)!;
      for (const [value, wanted] of [
        [open, row.open],
        [high, row.high],
        [low, row.low],
        [close, row.close],
      ] as const)
        toTheCent(value, wanted);
      expect(volume).toBe(row.volume);
      expect(adjustedVolume).toBeCloseTo(splitOnly.get(series)![place]!.volume, 0);
      // Without a bar on the very session before a dividend zipline knows no close to set it against.
      if (series === 'GAPS' && date < SESSIONS[14]!) continue;
      toTheCent(adjusted, total.get(series)![place]!.close);
      compared += 1;
    }
    const traded = new Set(rows.map(({ date }) => date));
    const quiet = own.filter(([date]) => !traded.has(date));
    expect(quiet.filter(([, , , , close, volume]) => close !== null || volume !== 0)).toEqual([]);
  }
  expect(compared).toBeGreaterThan(200);
});

interface Qlib {
  calendar: string[];
  found: Record<string, { spans: string[][]; rows: [string, ...(number | null)[]][] }>;
}

test.each([
  ['total_return', 'bars_total_return'],
  ['split', 'bars_split_adjusted'],
] as const)('qlib reads an export, %s: every value is that of %s as a 32-bit float', async (adjust, view) => {
  if (!python) return;
  const folder = temporaryFolder();
  const { leftOut } = await exportTo(folder, lake, 'qlib', { adjust });
  expect(leftOut).toEqual([{ symbol: 'NA', reason: 'qlib reads NA as a missing name' }]);
  const { found, calendar } = await told<Qlib>('read-qlib.py', [folder]);
  const wanted = await viewOf(lake, view);
  wanted.delete('NA');
  expect(Object.keys(found).sort()).toEqual([...wanted.keys()].sort());
  const dates = [...wanted.values()].flatMap((rows) => rows.map(({ date }) => date)).sort();
  expect(calendar).toEqual(sessionsBetween(dates[0]!, dates.at(-1)!));
  for (const [series, rows] of wanted) {
    const { spans, rows: own } = found[series]!;
    expect(spans).toEqual([[rows[0]!.date, rows.at(-1)!.date]]);
    const byDate = new Map(own.map(([date, ...values]) => [date, values]));
    let before = Number.NaN;
    for (const row of rows) {
      const { open, high, low, close, volume, vwap, split_factor: split, dividend_factor: dividend } = row;
      const values = [open, high, low, close, volume, vwap, split * dividend, close / before - 1].map(Math.fround);
      const read = byDate.get(row.date)!.slice(0, values.length);
      expect(read).toEqual(values.map((value) => (Number.isNaN(value) ? null : value)));
      toTheCent(read[3]!, close);
      before = close;
    }
    const traded = new Set(rows.map(({ date }) => date));
    const quiet = own.filter(([date]) => !traded.has(date));
    expect(quiet.flatMap(([, ...values]) => values.slice(0, 8)).filter((value) => value !== null)).toEqual([]);
  }
});

const PAGE = readFileSync(join(root, 'docs', 'export.md'), 'utf8');
const sectionOf = (tool: string) => PAGE.split(`\n## ${tool}\n`)[1]!.split('\n## ')[0]!;
/** What is typed there, in order, and its Python by the comment it begins with. */
const typedIn = (tool: string) => [...sectionOf(tool).matchAll(/^\$ (.*)$/gm)].map(([, line]) => line!);
const pythonIn = (tool: string) => /```python\n# .*\n([^`]+)```/.exec(sectionOf(tool))![1]!;

test('what docs/export.md has a user type in zipline and in qlib runs over an export', async ({ skip }) => {
  expect(['zipline', 'qlib', 'LEAN'].map((tool) => typedIn(tool)[0])).toEqual([
    'npx afterbell export csvdir ../zipline-data',
    'npx afterbell export qlib ../qlib-data',
    'npx afterbell export lean ../lean-data',
  ]);
  if (!python) return skip();
  const base = temporaryFolder();
  const cwd = join(base, 'work');
  mkdirSync(cwd);
  await exportTo(join(base, 'zipline-data'), lake, 'csvdir');
  await exportTo(join(base, 'qlib-data'), lake, 'qlib');
  writeFileSync(join(cwd, 'strategy.py'), pythonIn('zipline'));
  const env = { ...process.env, PATH: `${dirname(python)}:${process.env.PATH}`, ZIPLINE_ROOT: join(base, 'root') };
  const lines = typedIn('zipline').slice(1);
  expect(lines).toHaveLength(2);
  for (const line of lines) {
    // The page has a year of bars, this lake a month.
    const { stdout } = await run('sh', ['-c', line.replace(/--end \S+/, `--end ${SESSIONS.at(-3)}`)], { cwd, env });
    const days = sessionsBetween('2025-11-03', SESSIONS.at(-3)!);
    if (line.startsWith('zipline run')) expect(stdout).toContain(`${days.length} rows`);
  }
  const code = `${pythonIn('qlib')}\nprint(len(rows), rows.columns.size)`;
  const { stdout } = await run(python, ['-W', 'ignore', '-c', code], { cwd, env });
  const [rows, columns] = stdout.trim().split('\n').at(-1)!.split(' ').map(Number);
  expect(rows).toBeGreaterThan(SESSIONS.length);
  expect(columns).toBe(3);
});
