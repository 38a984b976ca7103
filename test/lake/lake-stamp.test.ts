import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, test } from 'vitest';
import { FileLake } from '../../src/lake/file-lake.ts';
import { claimLake, lakeKind, listAll } from '../../src/lake/lake.ts';
import { temporaryFolder } from '../local/programs.ts';
import { FoldingLake } from './folding-lake.ts';
import { MemoryLake } from './memory-lake.ts';

test('the first claim stamps a lake, later ones of the kind write nothing', async () => {
  const lake = new MemoryLake();
  expect(await lakeKind(lake)).toBeUndefined();
  await claimLake(lake, 'practice');
  expect(await lakeKind(lake)).toBe('practice');
  expect([...lake.objects.keys()]).toEqual(['processing_metadata/lake.json']);
  const changes = lake.changes.length;
  await claimLake(lake, 'practice');
  expect(lake.changes).toHaveLength(changes);
});

test.each([
  ['practice', 'real'],
  ['real', 'practice'],
] as const)('a lake of %s data refuses %s data and names AFTERBELL_HOME', async (stamped, other) => {
  const lake = new MemoryLake();
  await claimLake(lake, stamped);
  const before = lake.contents();
  await expect(claimLake(lake, other)).rejects.toMatchObject({
    name: 'Lake.WrongKind',
    message: expect.stringMatching(new RegExp(`holds ${stamped} data, and this is ${other} data.*AFTERBELL_HOME=`)),
  });
  expect(lake.contents()).toEqual(before);
});

test('two claims at once agree', async () => {
  const lake = new FileLake(pathToFileURL(join(temporaryFolder(), 'lake')).href);
  await Promise.all([claimLake(lake, 'real'), claimLake(lake, 'real'), claimLake(lake, 'real')]);
  expect(await lakeKind(lake)).toBe('real');
  expect(await listAll(lake, '')).toHaveLength(1);
});

test('of two claims of different kinds one is refused', async () => {
  const lake = new MemoryLake();
  const ends = await Promise.allSettled([claimLake(lake, 'real'), claimLake(lake, 'practice')]);
  const refused = ends.filter((end) => end.status === 'rejected');
  expect(refused.map(({ reason }) => reason.name)).toEqual(['Lake.WrongKind']);
});

test('a store that folds case is claimed like any other', async () => {
  const lake = new FoldingLake();
  await claimLake(lake, 'real');
  expect([...lake.objects.keys()]).toEqual(['processing_metadata/lake.json']);
});
