import { expect, test } from 'vitest';
import { publishedSessions, readIngest, writeIngest } from '../../src/lake/session-files.ts';
import { MemoryLake } from './memory-lake.ts';

const ingest = (date: string) => ({
  date,
  rows: 3,
  rejected: 1,
  checksum: 'abc',
  removed: ['OLD'],
  source: 'practice',
  runId: 'night-1',
  ingestedAt: `${date}T23:00:00.000Z`,
});

test('a session is held once its manifest is there, in date order, from one listing', async () => {
  const lake = new MemoryLake();
  for (const date of ['2025-11-19', '2025-11-17', '2025-11-18']) await writeIngest(lake, ingest(date));
  await lake.write('bronze/sessions/date=2025-11-20/bars.parquet', Buffer.from('x'));
  expect((await publishedSessions(lake)).map(({ date }) => date)).toEqual(['2025-11-17', '2025-11-18', '2025-11-19']);
  expect(lake.lists).toBe(1);
  expect(await readIngest(lake, '2025-11-19')).toEqual(ingest('2025-11-19'));
  expect(await readIngest(lake, '2025-11-20')).toBeUndefined();
});

test('a manifest written again has another version', async () => {
  const lake = new MemoryLake();
  await writeIngest(lake, ingest('2025-11-19'));
  const [before] = await publishedSessions(lake);
  await writeIngest(lake, { ...ingest('2025-11-19'), rows: 4 });
  expect((await publishedSessions(lake))[0]!.etag).not.toBe(before!.etag);
});
