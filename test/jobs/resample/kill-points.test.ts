import { createHash } from 'node:crypto';
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { sessionAt, sessionNumber } from '../../../src/calendar/calendar.ts';
import { consolidate } from '../../../src/jobs/consolidate/consolidate.ts';
import { resample } from '../../../src/jobs/resample/resample.ts';
import { FileLake } from '../../../src/lake/file-lake.ts';
import { type Condition, keys, listAll } from '../../../src/lake/lake.ts';
import { encodeRows } from '../../../src/lake/parquet.ts';
import { bar, publish } from '../../lake/published.ts';

const START = sessionNumber('2025-08-01');
const DATES = Array.from({ length: 45 }, (_, i) => sessionAt(START + i));
const SYMBOLS = ['AAPL', 'BRK.B', 'TRUE'];

/** A lake in a folder that dies before or after its n-th write or delete; nothing it is asked later is done. */
class MortalLake extends FileLake {
  changes = 0;
  private dead = false;

  constructor(
    uri: string,
    private readonly death?: { at: number; when: 'before' | 'after' },
  ) {
    super(uri);
  }

  override async write(key: string, bytes: Uint8Array, condition?: Condition): Promise<void> {
    await this.change(() => super.write(key, bytes, condition));
  }

  override async remove(names: readonly string[]): Promise<void> {
    for (const name of names) await this.change(() => super.remove([name]));
  }

  private async change(effect: () => Promise<void>): Promise<void> {
    const here = this.changes++ === this.death?.at;
    if (here && this.death?.when === 'before') this.dead = true;
    if (this.dead) throw new Error('killed');
    if (here) this.dead = true;
    await effect();
    if (here) throw new Error('killed');
  }
}

const home = mkdtempSync(join(tmpdir(), 'kill-points-'));
const uri = (name: string) => pathToFileURL(join(home, name)).href;
const run = (lake: FileLake) =>
  resample(lake, { mode: 'incremental', intervals: [3, 5, 34], runId: 'test', memoryLimitMb: 200 });

async function silver(lake: FileLake): Promise<Record<string, string>> {
  const entries = [...(await listAll(lake, 'silver/')), ...(await listAll(lake, 'processing_metadata/silver_'))];
  const digest = async (key: string) =>
    createHash('sha256')
      .update((await lake.read(key))!)
      .digest('hex');
  return Object.fromEntries(await Promise.all(entries.map(async ({ key }) => [key, await digest(key)])));
}

beforeAll(async () => {
  const lake = new FileLake(uri('before'));
  const publishAll = (dates: readonly string[], variant = 0) =>
    Promise.all(dates.map((date) => publish(lake, date, variant < 0 ? [] : SYMBOLS.map((s) => bar(s, date, variant)))));
  await publishAll(DATES.slice(0, 40));
  await consolidate(lake, { mode: 'incremental', maxWorkers: 4, runId: 'test' });
  await run(lake);
  // A night that writes old and new months: sessions, a correction, a session emptied, a split.
  await publishAll(DATES.slice(40));
  await publishAll([DATES[8]!], 1);
  await publishAll(DATES.slice(0, 3), -1);
  const row = { symbol: 'AAPL', execution_date: DATES[30]!, split_from: 1, split_to: 4 };
  await lake.write(
    keys.snapshot('splits', DATES[44]!),
    encodeRows(
      [
        { name: 'symbol', type: 'text' },
        { name: 'execution_date', type: 'date' },
        { name: 'split_from', type: 'double' },
        { name: 'split_to', type: 'double' },
      ],
      [row],
    ),
  );
  await consolidate(lake, { mode: 'incremental', maxWorkers: 4, runId: 'test' });
});
afterAll(() => rmSync(home, { recursive: true, force: true }));

test('a resample killed before or after any write or delete is repaired by the next one', async () => {
  cpSync(join(home, 'before'), join(home, 'undisturbed'), { recursive: true });
  const undisturbed = new MortalLake(uri('undisturbed'));
  await run(undisturbed);
  const expected = await silver(undisturbed);
  expect(undisturbed.changes * 2).toBeGreaterThanOrEqual(20);
  for (let at = 0; at < undisturbed.changes; at++) {
    for (const when of ['before', 'after'] as const) {
      const name = `${when}-${at}`;
      cpSync(join(home, 'before'), join(home, name), { recursive: true });
      await expect(run(new MortalLake(uri(name), { at, when }))).rejects.toThrow('killed');
      const repaired = new FileLake(uri(name));
      await run(repaired);
      expect(await silver(repaired)).toEqual(expected);
      rmSync(join(home, name), { recursive: true });
    }
  }
});
