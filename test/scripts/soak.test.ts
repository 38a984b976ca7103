import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { measureFootprint } from '../../scripts/soak/footprint.ts';
import { planNights, READERS, SIGNALS } from '../../scripts/soak/plan.ts';
import { watchProcesses } from '../../scripts/soak/processes.ts';
import { judge, type Sample } from '../../scripts/soak/verdict.ts';

const folder = mkdtempSync(join(tmpdir(), 'afterbell-soak-test-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const MB = 1024 * 1024;

/** Forty nights, each as a healthy one is but for what `change` makes of it. */
function soak(change: (night: number) => Partial<Sample> = () => ({})): Sample[] {
  return Array.from({ length: 40 }, (_, night) => ({
    session: `night ${night}`,
    seconds: 5,
    attempts: 1,
    rows: 60 * (night + 1),
    peaks: { night: { rssBytes: (360 + (night % 7)) * MB, openFiles: 170 + (night % 5) } },
    servers: { market: { rssBytes: 90 * MB, openFiles: 20 } },
    footprint: { bytes: { 'lake/reports': (night + 1) * MB, warehouse: 40 * MB }, files: 100 + night, left: [] },
    processesLeft: [],
    ...change(night),
  }));
}

const problems = (samples: Sample[]) => judge(samples).filter(({ problem }) => problem);
const footprint = (night: number, bytes: number, left: string[] = []) => ({
  footprint: { bytes: { 'lake/reports': bytes }, files: 100 + night, left },
});

test('nights that add as much each time are bounded', () => {
  expect(problems(soak())).toEqual([]);
});

const unbounded: [string, (night: number) => Partial<Sample>, string][] = [
  [
    'memory of a server',
    (n) => ({ servers: { market: { rssBytes: (90 + n) * MB, openFiles: 20 } } }),
    'memory, market between nights',
  ],
  ['memory of a night', (n) => ({ peaks: { night: { rssBytes: (360 + 4 * n) * MB, openFiles: 9 } } }), 'memory, night'],
  [
    'open files',
    (n) => ({ servers: { market: { rssBytes: MB, openFiles: 20 + n } } }),
    'open files, market between nights',
  ],
  ['disk by the square of the nights', (n) => footprint(n, n * n * 100_000), 'disk, lake/reports'],
  ['disk that begins to grow late', (n) => footprint(n, n < 25 ? MB : (n - 24) * MB), 'disk, lake/reports'],
  ['a temporary file at the end', (n) => footprint(n, MB, n === 39 ? ['$TMPDIR/resample-x'] : []), 'files left behind'],
  ['a process at the end', (n) => ({ processesLeft: n === 39 ? ['job (pid 7)'] : [] }), 'processes left behind'],
  ['a night that adds nothing', (n) => ({ rows: n === 20 ? 60 * n : 60 * (n + 1) }), 'bars in the lake'],
];

test.each(unbounded)('%s is named as not bounded', (_name, change, figure) => {
  expect(problems(soak(change)).map(({ name }) => name)).toEqual([figure]);
});

test('what a later night has cleared away is not left behind', () => {
  expect(problems(soak((night) => footprint(night, MB, night === 12 ? ['home.lock'] : [])))).toEqual([]);
});

test('a seed draws the same nights again, more of them with the same beginning', () => {
  const plan = planNights(100, 7);
  expect(planNights(40, 7)).toEqual(plan.slice(0, 40));
  expect(planNights(100, 8)).not.toEqual(plan);
  expect(new Set(plan.flatMap(({ readers }) => readers.map(({ reader }) => reader)))).toEqual(new Set(READERS));
  expect(new Set(plan.flatMap(({ signal }) => signal?.name ?? []))).toEqual(new Set(SIGNALS));
  expect(plan.filter(({ second }) => second).length).toBeGreaterThan(10);
});

test('unfinished files, locks and drafts are told from what is stored', () => {
  const home = join(folder, 'home');
  const temporary = join(folder, 'tmp');
  mkdirSync(temporary);
  const stored = ['lake/bronze/a.parquet', 'warehouse/pgdata/base/1', 'tables/tickers', 'logs/jobs.jsonl'];
  const left = [
    'home.lock',
    'home.lock.draft-1-x',
    'lake/.tmp/x',
    'lake/staging/run=1/a',
    'logs/running/night-1',
    'warehouse/pgdata.new-1/a',
  ];
  for (const path of [...stored, ...left]) {
    mkdirSync(dirname(join(home, path)), { recursive: true });
    writeFileSync(join(home, path), 'four');
  }
  mkdirSync(join(temporary, 'afterbell-query-1'));
  mkdirSync(join(home, 'scratch', 'resample-1'), { recursive: true });
  const measured = measureFootprint(home, temporary);
  expect(measured.left.sort()).toEqual(['$TMPDIR/afterbell-query-1', 'scratch/resample-1', ...left].sort());
  expect(measured).toMatchObject({ files: 10, bytes: { 'lake/bronze': 4, tables: 4, logs: 8, warehouse: 8 } });
});

test.skipIf(process.platform !== 'linux')(
  'a process whose parent was killed is still seen, and gone once it ends',
  async () => {
    const watch = watchProcesses((line) => (line.includes('soak-orphan') ? 'orphan' : 'other'));
    const orphan = `require('node:child_process').spawn(process.execPath, ['-e', 'setTimeout(() => {}, 60000) // soak-orphan'], { stdio: 'inherit' }).pid`;
    const parent = spawn(process.execPath, ['-e', `console.log(${orphan}); setTimeout(() => {}, 60000)`]);
    const [text] = (await once(parent.stdout, 'data')) as [Buffer];
    const pid = Number(String(text));
    const orphans = () => watch.left([]).filter((process) => process.pid === pid);
    try {
      await expect.poll(orphans).toMatchObject([{ role: 'orphan', zombie: false }]);
      parent.kill('SIGKILL');
      await once(parent, 'exit');
      expect(orphans()).toMatchObject([{ role: 'orphan' }]);
      expect(watch.takePeaks().orphan?.rssBytes).toBeGreaterThan(10 * MB);
    } finally {
      process.kill(pid, 'SIGKILL');
      await expect.poll(orphans).toEqual([]);
      watch.close();
    }
  },
);

test.skipIf(process.platform !== 'linux')(
  'a process counts as a role of its own once it has opened the file that divides its role',
  async () => {
    const watch = watchProcesses((line) => (line.includes('soak-reader') ? 'reader' : 'other'), {
      roles: ['reader'],
      openFile: 'databases.flock',
    });
    const file = join(folder, 'databases.flock');
    writeFileSync(file, '');
    const opens = `const fs = require('node:fs'); let fd; process.stdin.on('data', () => {
      if (fd === undefined) fd = fs.openSync(${JSON.stringify(file)}); else fs.closeSync(fd);
      console.log('done'); }); // soak-reader`;
    const plain = spawn(process.execPath, ['-e', 'setInterval(() => {}, 60000) // soak-reader']);
    const opener = spawn(process.execPath, ['-e', opens]);
    const roles = () => Object.keys(watch.takePeaks()).filter((role) => role.startsWith('reader'));
    const step = async () => {
      opener.stdin.write('next');
      await once(opener.stdout, 'data');
    };
    try {
      await expect.poll(roles).toEqual(['reader']);
      await step();
      await expect.poll(() => roles().sort()).toEqual(['reader', 'reader, with databases.flock']);
      await step();
      expect(roles().sort()).toEqual(['reader', 'reader, with databases.flock']);
    } finally {
      for (const child of [plain, opener]) child.kill('SIGKILL');
      watch.close();
    }
  },
);
