import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { tryLock } from '../../src/local/file-lock.ts';
import { temporaryFolder } from '../local/programs.ts';
import { afterbell, started } from './command.ts';
import { HELD, MORNING, openScene, scratch, warmHome } from './scene.ts';

let env: Record<string, string>;
beforeAll(async () => {
  env = { AFTERBELL_HOME: await warmHome() };
});
const exported = (...args: string[]) => afterbell(['export', ...args], env);
const namesIn = (folder: string) => readdirSync(folder, { recursive: true, encoding: 'utf8' }).sort();

test('the command says how much it wrote and left, and what the tool cannot have', async () => {
  const folder = join(temporaryFolder(), 'deep', 'lean');
  const first = await exported('lean', folder);
  expect([first.code, first.stdout.split('\n')]).toEqual([
    0,
    [
      expect.stringMatching(new RegExp(`^lean: \\d+ symbols from ${HELD.first} to ${HELD.last}, in ${folder}$`)),
      expect.stringMatching(/^\d+ files written, 0 left as they were$/),
      '',
    ],
  ]);
  expect(first.stderr).toContain('LEAN has capital letters only in a ticker');
  const again = await exported('lean', folder, '--json');
  const said = JSON.parse(again.stdout);
  expect(said).toMatchObject({ format: 'lean', folder, first: HELD.first, last: HELD.last, written: 0, removed: 0 });
  expect(said.left_out).toContainEqual({ symbol: 'KIMpL', reason: 'LEAN has capital letters only in a ticker' });
  const files = namesIn(folder).filter((name) => /\.(csv|zip)$/.test(name));
  expect(said.unchanged).toBe(files.length);
});

test('an export reads whole sessions while a night is running, and the next one has the rest', async () => {
  const scene = await openScene();
  const own = { AFTERBELL_HOME: scene.home };
  const folder = temporaryFolder();
  const seen: { first: string; last: string }[] = [];
  let running = true;
  const reader = (async () => {
    while (running || seen.length === 0) {
      const { code, stdout, stderr } = await afterbell(['export', 'qlib', folder, '--json'], own);
      expect(code, stderr).toBe(0);
      seen.push(JSON.parse(stdout));
    }
  })();
  try {
    expect((await scene.run(MORNING)).outcome.status).toBe('Succeeded');
  } finally {
    running = false;
    await reader;
  }
  await scene.close();
  const after = JSON.parse((await afterbell(['export', 'qlib', folder, '--json'], own)).stdout);
  expect(after.last).toBe('2025-11-19');
  const fresh = temporaryFolder();
  await afterbell(['export', 'qlib', fresh], own);
  const bytes = (root: string) =>
    namesIn(root)
      .filter((name) => /\.(bin|txt)$/.test(name))
      .map((name) => [name, readFileSync(join(root, name), 'latin1')]);
  expect(bytes(folder)).toEqual(bytes(fresh));
});

test.each([
  [['zipline', 'OUT'], /export knows no format zipline; wanted csvdir, qlib or lean/],
  [['csvdri', 'OUT'], /Did you mean csvdir\?/],
  [['csvdir', 'OUT', '--adjust', 'dividends'], /--adjust dividends is unknown; wanted none, split, total_return/],
  [['lean', 'OUT', '--adjust', 'split'], /--adjust split does not go with lean: LEAN adjusts bars itself/],
  [['csvdir', 'OUT', '--symbols', ','], /--symbols names no symbol/],
  [['csvdir', 'OUT', '--symbols', 'AAPL,AAPPL'], /the lake has no bar of AAPPL\. Did you mean AAPL\?/],
  [['csvdir', 'OUT', '--from', '2025-02-30'], /not a calendar date; found "2025-02-30"/],
  [
    ['csvdir', 'OUT', '--from', '2025-11-18', '--to', '2025-11-17'],
    /--from is after --to; found 2025-11-18 to 2025-11-17/,
  ],
  [['csvdir', 'OUT', '--to', '2025-01-03'], /the lake has no session to 2025-01-03/],
  [
    ['csvdir', 'OUT', '--from', '2025-11-08', '--to', '2025-11-09'],
    /the lake has no session from 2025-11-08 to 2025-11-09/,
  ],
] as const)('export %j ends with 2, and makes no folder', async (args, words) => {
  const folder = join(temporaryFolder(), 'out');
  const { code, stdout, stderr } = await exported(...args.map((one) => (one === 'OUT' ? folder : one)));
  expect([code, stdout, stderr]).toEqual([2, '', expect.stringMatching(words)]);
  expect(existsSync(folder)).toBe(false);
});

test('a data directory in which no night has run has nothing to export, and is not made', async () => {
  const home = join(scratch(), 'mistyped');
  const folder = join(temporaryFolder(), 'out');
  const { code, stderr } = await afterbell(['export', 'csvdir', folder], { AFTERBELL_HOME: home });
  expect([code, stderr]).toEqual([2, expect.stringContaining(`no night has run in ${home}`)]);
  expect([existsSync(home), existsSync(folder)]).toEqual([false, false]);
});

test('a folder of something else, of another export or of a damaged one is refused as it is', async () => {
  const folder = temporaryFolder();
  await exported('csvdir', folder, '--symbols', 'AAPL');
  const look = (root: string) => namesIn(root).map((name) => [name, existsSync(join(root, name))]);
  const refusals: [string, readonly string[], RegExp][] = [
    [
      folder,
      ['qlib'],
      /is another export.*found format csvdir, --adjust none, --symbols AAPL; wanted format qlib, --adjust total_return, --symbols none/,
    ],
    [folder, ['csvdir'], /found --symbols AAPL; wanted --symbols none/],
    [folder, ['csvdir', '--symbols', 'AAPL', '--from', '2025-11-10'], /found --from none; wanted --from 2025-11-10/],
    [folder, ['csvdir', '--symbols', 'AAPL', '--adjust', 'split'], /found --adjust none; wanted --adjust split/],
  ];
  const foreign = temporaryFolder();
  writeFileSync(join(foreign, 'thesis.txt'), 'mine');
  refusals.push([foreign, ['csvdir'], /is not an export of afterbell.*found 1 entry, thesis\.txt among them/]);
  const damaged = temporaryFolder();
  cpSync(folder, damaged, { recursive: true });
  writeFileSync(join(damaged, 'afterbell-export.json'), '{"made_by": "afterbell exp');
  refusals.push([
    damaged,
    ['csvdir', '--symbols', 'AAPL'],
    /afterbell-export\.json cannot be read, and nothing was changed/,
  ]);
  const file = join(temporaryFolder(), 'file');
  writeFileSync(file, 'mine');
  for (const [target, [format = '', ...options], words] of refusals) {
    const before = look(target);
    const { code, stderr } = await exported(format, target, ...options);
    expect([code, stderr]).toEqual([2, expect.stringMatching(words)]);
    expect(look(target)).toEqual(before);
  }
  const onFile = await exported('csvdir', file);
  expect([onFile.code, onFile.stderr]).toEqual([2, expect.stringContaining(`${file} is no folder to export to`)]);
  expect(readFileSync(file, 'utf8')).toBe('mine');
  // Of another lake.
  const other = scratch();
  cpSync(env.AFTERBELL_HOME!, other, { recursive: true });
  const elsewhere = await afterbell(['export', 'csvdir', folder, '--symbols', 'AAPL'], { AFTERBELL_HOME: other });
  expect([elsewhere.code, elsewhere.stderr]).toEqual([
    2,
    expect.stringMatching(/found lake file:.*; wanted lake file:/),
  ]);
});

test('an export cannot lie in the data directory', async () => {
  const { code, stderr } = await exported('csvdir', join(env.AFTERBELL_HOME!, 'out'));
  expect([code, stderr]).toEqual([2, expect.stringContaining('an export cannot lie in the data directory')]);
});

test('one export at a time writes to a folder; the second ends with 75', async () => {
  const folder = temporaryFolder();
  mkdirSync(join(folder, '.afterbell-export'));
  const lock = await tryLock(join(folder, '.afterbell-export', 'lock'), 'process 7');
  try {
    const busy = await exported('csvdir', folder);
    expect([busy.code, busy.stderr]).toEqual([
      75,
      expect.stringContaining(`${folder} is being exported to; found process 7`),
    ]);
  } finally {
    lock!.release();
  }
  expect((await exported('csvdir', folder)).code).toBe(0);
});

test('a folder that cannot be written is named, with the reason', async () => {
  const { code, stderr } = await exported('csvdir', '/proc/afterbell-export');
  expect([code, stderr]).toEqual([1, expect.stringContaining('/proc/afterbell-export cannot be written')]);
});

test('an export that is killed leaves a folder that the same command finishes', async () => {
  const folder = join(temporaryFolder(), 'out');
  const { child, ended } = started(['export', 'qlib', folder], env);
  const daily = join(folder, 'features');
  while (child.exitCode === null && !existsSync(daily)) await new Promise((resolve) => setTimeout(resolve, 2));
  child.kill('SIGKILL');
  await ended;
  const finished = await exported('qlib', folder, '--json');
  expect(finished.code, finished.stderr).toBe(0);
  const fresh = temporaryFolder();
  await exported('qlib', fresh);
  expect(namesIn(folder)).toEqual(namesIn(fresh));
  for (const name of namesIn(fresh).filter((one) => /\.(bin|txt)$/.test(one)))
    expect(readFileSync(join(folder, name)).equals(readFileSync(join(fresh, name))), name).toBe(true);
});

test('a damaged file of the lake is named, and what was exported stays', async () => {
  const home = scratch();
  cpSync(env.AFTERBELL_HOME!, home, { recursive: true });
  const folder = temporaryFolder();
  await afterbell(['export', 'csvdir', folder], { AFTERBELL_HOME: home });
  const before = readFileSync(join(folder, 'daily', 'AAPL.csv'), 'utf8');
  const key = `bronze/sessions/date=${HELD.last}/bars.parquet`;
  writeFileSync(join(home, 'lake', key), readFileSync(join(home, 'lake', key)).subarray(0, 200));
  const { code, stderr } = await afterbell(['export', 'csvdir', folder], { AFTERBELL_HOME: home });
  expect([code, stderr]).toEqual([1, expect.stringContaining(key)]);
  expect(readFileSync(join(folder, 'daily', 'AAPL.csv'), 'utf8')).toBe(before);
});
