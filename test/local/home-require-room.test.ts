import { mkdirSync } from 'node:fs';
import * as files from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { loadConfig } from '../../src/config.ts';
import { requireFreeSpace } from '../../src/local/home.ts';
import { temporaryFolder } from './programs.ts';

vi.mock('node:fs/promises', async (original) => ({ ...(await original<typeof files>()), statfs: vi.fn() }));

const config = loadConfig({});
function homeOn(disk: { bavail: number; blocks: number }) {
  vi.mocked(files.statfs).mockResolvedValue({ bsize: 1000, ...disk } as never);
  const path = temporaryFolder();
  return { path, folders: { lake: '', tables: '', logs: '', warehouse: join(path, 'warehouse') } };
}

test('a disk without room for a warehouse is told before anything begins, in one line with the home', async () => {
  const home = homeOn({ bavail: 20_000, blocks: 24_000 });
  const refused = requireFreeSpace(home, config);
  await expect(refused).rejects.toMatchObject({ name: 'Home.Unwritable' });
  await expect(refused).rejects.toThrow(`The disk of the home ${home.path} is too full to begin; found 20 MB free`);
  await expect(refused).rejects.not.toThrow('\n');
});

test('a home with its warehouse or one elsewhere, a large disk and one of unknown size are let pass', async () => {
  const full = { bavail: 0, blocks: 24_000 };
  const begun = homeOn(full);
  mkdirSync(join(begun.folders.warehouse, 'pgdata'), { recursive: true });
  await requireFreeSpace(begun, config);
  await requireFreeSpace(homeOn(full), { ...config, DATABASE_URL: 'postgres://elsewhere' });
  await requireFreeSpace(homeOn({ bavail: 100_000, blocks: 100_000 }), config);
  await requireFreeSpace(homeOn({ bavail: 0, blocks: 0 }), config);
});
