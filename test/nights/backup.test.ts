import { createHash } from 'node:crypto';
import { appendFileSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { openHome } from '../../src/local/home.ts';
import { afterbell } from './command.ts';
import { openScene, scratch, THAT_MORNING } from './scene.ts';

const COUNT = [
  'query',
  '--warehouse',
  'SELECT count(*)::int AS rows, max(date)::text AS newest FROM stock_prices',
  '--json',
];
let home: string;
let env: Record<string, string>;
let kept: string;

beforeAll(async () => {
  const scene = await openScene();
  await scene.close();
  home = scene.home;
  env = { AFTERBELL_HOME: home, ...THAT_MORNING };
  kept = join(scratch(), 'disks', 'kept');
  const { code, stdout, stderr } = await afterbell(['backup', kept], env);
  expect(code, stderr).toBe(0);
  expect(stdout).toMatch(/^Backed up and compared: [\d,]+ files, [\d.]+ MB, in /);
});

/** A new data directory's settings. */
function elsewhere(): Record<string, string> {
  return { ...env, AFTERBELL_HOME: join(scratch(), 'restored') };
}

/** What readers see of a lake: path → checksum. The catalog aside, which names the folder it is in. */
function lakeOf(root: string): Map<string, string> {
  const paths = readdirSync(join(root, 'lake'), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((path) => !path.includes('/lake/catalog/'))
    .sort();
  return new Map(
    paths.map((path) => [path.slice(root.length), createHash('sha256').update(readFileSync(path)).digest('hex')]),
  );
}

test('a restored data directory has the same lake and warehouse, is verified, and goes on with the next night', async () => {
  const there = elsewhere();
  expect(await afterbell(['restore', kept], there)).toMatchObject({ code: 0 });
  expect(lakeOf(there.AFTERBELL_HOME!)).toEqual(lakeOf(home));
  expect((await afterbell(COUNT, there)).stdout).toBe((await afterbell(COUNT, env)).stdout);
  expect(existsSync(join(there.AFTERBELL_HOME!, 'lake', 'catalog'))).toBe(false);
  const verified = await afterbell(['verify'], there);
  expect(verified.code, verified.stdout).toBe(0);
  const night = await afterbell(['night', '--session', '2025-11-19'], there);
  expect(night.code, night.stderr).toBe(0);
  const catalog = readFileSync(join(there.AFTERBELL_HOME!, 'lake', 'catalog', 'views.sql'), 'utf8');
  expect(catalog).toContain(`AS '${join(there.AFTERBELL_HOME!, 'lake')}'`);
  expect(catalog).not.toContain(`${home}/`);
});

test('nothing is overwritten, and neither folder may lie in the other', async () => {
  const before = lakeOf(home);
  for (const args of [
    ['backup', kept],
    ['backup', join(home, 'backup')],
    ['restore', kept],
    ['restore', scratch()],
  ]) {
    const { code, stderr } = await afterbell(args, env);
    expect(code, stderr).toBe(2);
  }
  expect(lakeOf(home)).toEqual(before);
});

test('a data directory that is being written to is not backed up', async () => {
  const owner = await openHome(home, { mode: 'write' });
  const target = join(scratch(), 'kept');
  try {
    const { code, stderr } = await afterbell(['backup', target], env);
    expect(code, stderr).toBe(75);
  } finally {
    await owner.close();
  }
  expect(existsSync(target)).toBe(false);
});

test('a backup with one byte changed, a file missing, or of a newer version restores nothing', async () => {
  const damages: Record<string, (folder: string, file: string) => void> = {
    'is not what was backed up': (folder, file) => appendFileSync(join(folder, file), 'x'),
    'is missing': (folder, file) => rmSync(join(folder, file)),
    'newer version': (folder) => {
      const list = JSON.parse(readFileSync(join(folder, 'backup.json'), 'utf8'));
      writeFileSync(join(folder, 'backup.json'), JSON.stringify({ ...list, format: 2, version: '9.0.0' }));
    },
    'not below it': (folder) => {
      const list = JSON.parse(readFileSync(join(folder, 'backup.json'), 'utf8'));
      list.files['../outside'] = { bytes: 0, sha256: '' };
      writeFileSync(join(folder, 'backup.json'), JSON.stringify(list));
    },
  };
  for (const [words, damage] of Object.entries(damages)) {
    const folder = join(scratch(), 'kept');
    expect((await afterbell(['backup', folder], env)).code).toBe(0);
    damage(folder, 'lake/processing_metadata/lake.json');
    const there = elsewhere();
    const { code, stderr } = await afterbell(['restore', folder], there);
    expect(code, stderr).not.toBe(0);
    expect(stderr).toContain(words);
    expect(readdirSync(join(there.AFTERBELL_HOME!, '..'))).toEqual([]);
  }
});

test('a warehouse of a newer version is left alone, and the night says what to do', async () => {
  const there = elsewhere();
  expect(await afterbell(['restore', kept], there)).toMatchObject({ code: 0 });
  const { openPglite } = await import('../../src/local/aws/pglite.ts');
  const db = await openPglite(join(there.AFTERBELL_HOME!, 'warehouse', 'pgdata'), '');
  await db.query("INSERT INTO schema_migrations (id) VALUES ('999-of-tomorrow')", []);
  await db.close();
  const { code, stdout, stderr } = await afterbell(['night', '--session', '2025-11-19'], there);
  expect(code).toBe(1);
  expect(stdout + stderr).toContain('999-of-tomorrow');
  expect(stdout + stderr).toContain('docs/upgrade.md');
});
