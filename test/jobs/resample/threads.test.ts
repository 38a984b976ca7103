import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { expect, test } from 'vitest';
import { bundle } from '../../../scripts/bundle.mjs';
import { generate } from '../../../scripts/resample/generate.ts';
import { resample } from '../../../src/jobs/resample/resample.ts';
import { FileLake } from '../../../src/lake/file-lake.ts';
import { keys, listAll } from '../../../src/lake/lake.ts';
import { temporaryFolder } from '../../local/programs.ts';

const INTERVALS = [3, 5, 34];
/** Enough bars for several batches. */
const SYMBOLS = 120;

async function silver(lake: FileLake): Promise<Map<string, string>> {
  const entries = [...(await listAll(lake, 'silver/')), ...(await listAll(lake, 'processing_metadata/silver_'))];
  const texts = entries.map(async ({ key }) => [key, Buffer.from((await lake.read(key))!).toString('latin1')] as const);
  return new Map(await Promise.all(texts));
}

test('a full run makes the same files and finds the same faults with any number of threads', async () => {
  const folder = temporaryFolder();
  const program = join(folder, 'thread.mjs');
  await bundle(fileURLToPath(new URL('../../../batch-images/resampler/thread.ts', import.meta.url)), program);
  const lake = new FileLake(pathToFileURL(join(folder, 'lake')).href, { durable: false });
  expect(await generate(lake, SYMBOLS, 0)).toBeGreaterThan(200_000);
  const [first] = await listAll(lake, 'bronze/raw_ohlcv/');
  writeFileSync(lake.path(first!.key), 'PAR1 damaged PAR1');
  const full = async (threads?: number) => {
    await lake.remove([...(await silver(lake)).keys()]);
    const options = { mode: 'full', intervals: INTERVALS, runId: 'test', memoryLimitMb: 700 } as const;
    const some = threads && { threads, program: pathToFileURL(program), fromBars: 0 };
    const summary = await resample(lake, { ...options, ...(some && { threads: some }) });
    return { ...summary, seconds: 0, files: await silver(lake) };
  };
  const alone = await full();
  expect(alone).toMatchObject({ symbols: SYMBOLS - 1, errors: [{ name: 'Lake.Corrupt' }] });
  expect(alone.files.size).toBeGreaterThan(1000);
  expect(alone.files.has(keys.silverCheckpoint(34))).toBe(true);
  for (const threads of [1, 2, 3]) expect(await full(threads)).toEqual(alone);
});

test('a thread that ends fails the run by name', async () => {
  const folder = temporaryFolder();
  const program = join(folder, 'thread.mjs');
  writeFileSync(program, 'process.exit(3);');
  const lake = new FileLake(pathToFileURL(join(folder, 'lake')).href, { durable: false });
  await generate(lake, 3, 0);
  const threads = { threads: 2, program: pathToFileURL(program), fromBars: 0 };
  const run = resample(lake, { mode: 'full', intervals: [5], runId: 'test', memoryLimitMb: 700, threads });
  await expect(run).rejects.toMatchObject({ name: 'Job.Failed', message: expect.stringContaining('thread') });
});
