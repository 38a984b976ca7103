import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { afterbell } from './command.ts';
import { lakeFiles, SESSION, scratch, warmHome } from './scene.ts';

/** A folder of flat files with one session of three made-up rows. */
function flatFolder(date: string): string {
  const folder = scratch();
  const [year = '', month = ''] = date.split('-');
  mkdirSync(join(folder, year, month), { recursive: true });
  const rows = ['AAPL,100,10,11,12,9', 'TRUE,200,20,21,22,19', 'BRK.B,300,30,31,32,29'];
  const start = `${Date.parse(`${date}T05:00:00Z`)}000000`;
  const text = [
    'ticker,volume,open,close,high,low,window_start,transactions',
    ...rows.map((row) => `${row},${start},5`),
  ].join('\n');
  writeFileSync(join(folder, year, month, `${date}.csv.gz`), gzipSync(`${text}\n`));
  return folder;
}

test('a home takes one kind of data only and says which setting names another', async () => {
  const backfill = ['backfill', '--flat-files', flatFolder(SESSION), '--from', SESSION, '--to', SESSION];
  const practice = await warmHome();
  const before = lakeFiles(practice);
  const real = await afterbell(backfill, { AFTERBELL_HOME: practice });
  expect(real.code).toBe(1);
  expect(real.stdout).toBe('');
  expect(real.stderr).toContain('Lake.WrongKind');
  expect(real.stderr).toContain('AFTERBELL_HOME=');
  expect(lakeFiles(practice)).toEqual(before);
  expect((await afterbell(['verify'], { AFTERBELL_HOME: practice })).code).toBe(0);

  const env = { AFTERBELL_HOME: join(scratch(), 'real') };
  const good = await afterbell([...backfill, '--json'], env);
  expect(good.code, good.stdout).toBe(0);
  const stored = lakeFiles(env.AFTERBELL_HOME);
  const night = await afterbell(['night', '--session', SESSION, '--json'], env);
  expect(night.code).toBe(1);
  const { error } = JSON.parse(night.stdout) as { error: { name: string; message: string } };
  expect(error.name).toBe('Lake.WrongKind');
  expect(error.message).toContain('AFTERBELL_HOME=');
  expect(lakeFiles(env.AFTERBELL_HOME)).toEqual(stored);
  const status = await afterbell(['status', '--json'], env);
  expect(JSON.parse(status.stdout)).toMatchObject({ kind: 'real', sessions: { served: 1 } });
});
