import { fork } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openPglite } from '../../../src/local/aws/pglite.ts';
import { bundledText, cluster, temporaryFolder } from '../programs.ts';

test('rows of a statement that was answered outlive a SIGKILL of the owner', async () => {
  const dataDir = join(temporaryFolder(), 'warehouse', 'pgdata');
  const owner = await bundledText(
    'owner',
    `import { openPglite } from '/src/local/aws/pglite.ts';
    const db = await openPglite(process.argv[2]!, process.argv[3]!);
    await db.query('create table t (n int)', []);
    for (let i = 0; i < 7; i++) await db.query('insert into t select generate_series(1, 111)', []);
    process.send!('written');
    setInterval(() => undefined, 1000);`,
  );
  const child = fork(owner, [dataDir, cluster]);
  await once(child, 'message');
  child.kill('SIGKILL');
  await once(child, 'exit');
  const db = await openPglite(dataDir, cluster);
  expect((await db.query('select count(*) from t', [])).rows).toEqual([['777']]);
  await db.close();
});

test('the write-ahead log stays below 100 MB while rows are written, and at 50 MB afterwards', async () => {
  const dataDir = join(temporaryFolder(), 'pgdata');
  const segments = () => readdirSync(join(dataDir, 'pg_wal')).filter((name) => name.length === 24).length;
  const db = await openPglite(dataDir, cluster);
  await db.query('create table t (n int, text text)', []);
  let most = 0;
  for (let i = 0; i < 12; i++) {
    await db.query("insert into t select n, repeat('x', 1500) from generate_series(1, 10000) n", []);
    most = Math.max(most, segments());
    await db.query('truncate t', []);
  }
  expect(most).toBeLessThanOrEqual(5);
  await db.close();
  expect(segments()).toBeLessThanOrEqual(3);
  const again = await openPglite(dataDir, cluster);
  expect((await again.query('select count(*) from t', [])).rows).toEqual([['0']]);
  await again.close();
});

test('a copy that fails midway leaves nothing behind, and leftovers of a killed one are removed', async () => {
  const warehouse = join(temporaryFolder(), 'warehouse');
  const dataDir = join(warehouse, 'pgdata');
  const broken = temporaryFolder();
  writeFileSync(join(broken, 'PG_VERSION'), '18');
  symlinkSync('nowhere', join(broken, 'base'));
  await expect(openPglite(dataDir, broken)).rejects.toMatchObject({
    name: 'Database.Failed',
    message: expect.stringContaining('ENOENT'),
  });
  expect(readdirSync(warehouse)).toEqual([]);
  mkdirSync(join(warehouse, 'pgdata.new-of-a-killed-owner'));
  const db = await openPglite(dataDir, cluster);
  expect((await db.query('select 1', [])).rows).toEqual([['1']]);
  await db.close();
  expect(readdirSync(warehouse)).toEqual(['pgdata']);
});

test('a directory that is not a database is named', async () => {
  const dataDir = join(temporaryFolder(), 'pgdata');
  mkdirSync(dataDir);
  writeFileSync(join(dataDir, 'PG_VERSION'), '18\n');
  await expect(openPglite(dataDir, cluster)).rejects.toMatchObject({
    name: 'Database.Failed',
    message: expect.stringContaining(dataDir),
  });
  expect(existsSync(dataDir)).toBe(true);
});
