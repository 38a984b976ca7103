import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { sessionAt } from '../../../src/calendar/calendar.ts';
import { consolidate } from '../../../src/jobs/consolidate/consolidate.ts';
import { isOfShard, shardOf } from '../../../src/jobs/job.ts';
import { keys, readJson } from '../../../src/lake/lake.ts';
import { MemoryLake } from '../../lake/memory-lake.ts';
import { bar, originalFile, publish } from '../../lake/published.ts';

const DATES = Array.from({ length: 8 }, (_, i) => sessionAt(9000 + i));
const SYMBOLS = ['AAPL', 'BAC-I', 'BRK.B', 'KIMPL', 'KIMpL', 'TRUE', 'A/B', 'NAN', 'CON', 'ZZZ'];
const NOW = new Date(Date.parse(DATES[7]!) + 86_400_000);
const options = {
  mode: 'incremental',
  maxWorkers: 3,
  runId: 'test',
  retentionDays: 5,
  now: NOW,
  adoptedPrices: 'unadjusted',
} as const;

/** Versions are of the content, so that the checkpoints of two lakes can be compared. */
class S3Like extends MemoryLake {
  override etagOf = (bytes: Uint8Array) => createHash('md5').update(bytes).digest('hex');
}

const lakeState = (lake: MemoryLake) => {
  const { [keys.jobResult('consolidate')]: _, ...rest } = lake.contents();
  return rest;
};

async function inShards(lake: MemoryLake, size: number, order: readonly number[], submission = 's'): Promise<void> {
  for (const index of order) await consolidate(lake, { ...options, shard: { index, size, submission } });
}

/** A night's news: a session, a correction with a removal, date files old and new. */
async function news(lake: MemoryLake, night: number): Promise<void> {
  const at = new Date(Date.UTC(2030, 0, 1 + night)).toISOString();
  const of = (date: string, some: string[]) => some.map((s) => bar(s, date, night, { ingestedAt: at }));
  await publish(lake, DATES[night]!, of(DATES[night]!, SYMBOLS.slice(night % 3)), at);
  if (night > 1) await publish(lake, DATES[night - 2]!, of(DATES[night - 2]!, SYMBOLS.slice(3)), at);
  for (const [i, symbol] of SYMBOLS.entries()) {
    if ((i + night) % 2 === 0) await originalFile(lake, bar(symbol, DATES[(night + i) % 8]!, 10));
  }
}

describe('shards', () => {
  test('1, 3 and 8 give the same lake as none, night after night', async () => {
    const plain = new S3Like();
    const others = new Map([1, 3, 8].map((size) => [size, new S3Like()]));
    for (let night = 0; night < 5; night++) {
      await news(plain, night);
      await consolidate(plain, options);
      for (const [size, lake] of others) {
        await news(lake, night);
        await inShards(lake, size, Array.from({ length: size }, (_, i) => (i * 5 + night) % size).reverse());
        expect(lakeState(lake)).toEqual(lakeState(plain));
      }
    }
    expect(Object.keys(plain.contents(keys.cleanups))).toHaveLength(1);
  });

  test('the order they end in and reruns of some change nothing, and no part stays behind', async () => {
    const start = new MemoryLake();
    await news(start, 2);
    await news(start, 3);
    const plain = start.copy();
    await consolidate(plain, options);
    const place = fc.nat(3);
    await fc.assert(
      fc.asyncProperty(
        fc.array(place, { maxLength: 6 }),
        fc.shuffledSubarray([0, 1, 2, 3], { minLength: 4 }),
        async (early, order) => {
          const lake = start.copy();
          // An earlier submission that never ended leaves parts, which are not taken for those of this one.
          await inShards(
            lake,
            4,
            early.filter((index) => index !== 0),
            'earlier',
          );
          await inShards(lake, 4, [...order.slice(0, 3), order[0]!, ...order.slice(3)]);
          expect(Object.keys(lake.contents(keys.consolidationParts))).toEqual([]);
          const state = (of: MemoryLake) => ({ ...of.contents('bronze/'), ...of.contents(keys.manifest) });
          expect(state(lake)).toEqual(state(plain));
        },
      ),
      { numRuns: 30 },
    );
  });

  test('a shard killed at any moment of its commit and run again loses no error of the others', async () => {
    const start = new MemoryLake();
    await news(start, 2);
    await consolidate(start, options);
    await news(start, 3);
    const [damaged] = SYMBOLS.filter((symbol) => isOfShard(symbol, { index: 0, size: 3 }));
    await start.write(keys.symbol(damaged!), Buffer.from('PAR1'));
    await inShards(start, 3, [0, 1]);
    const undisturbed = start.copy();
    await inShards(undisturbed, 3, [2]);
    for (let n = 1; n < undisturbed.changes.length; n++) {
      const lake = Object.assign(start.copy(), { killAfter: n });
      await expect(inShards(lake, 3, [2])).rejects.toThrow('killed');
      const again = lake.copy();
      await inShards(again, 3, [2]);
      expect(await readJson(again, keys.jobResult('consolidate')), `after change ${n}`).toMatchObject({
        errors: [{ name: 'Lake.Corrupt', symbol: damaged }],
      });
    }
  });

  test('that end at the same moment settle one after the other', async () => {
    const [lake, plain] = [new S3Like(), new S3Like()];
    await news(lake, 3);
    await news(plain, 3);
    await consolidate(plain, options);
    await Promise.all([0, 1, 2].map((index) => inShards(lake, 3, [index])));
    expect(lakeState(lake)).toEqual(lakeState(plain));
    expect(await readJson(lake, keys.jobResult('consolidate'))).toMatchObject({ status: 'success', symbols: 10 });
  });

  test('a symbol belongs to exactly one', () => {
    for (const symbol of SYMBOLS) {
      for (const size of [1, 3, 8]) {
        const owners = Array.from({ length: size }, (_, index) => isOfShard(symbol, { index, size }));
        expect(owners.filter(Boolean)).toHaveLength(1);
      }
    }
    expect(isOfShard('AAPL', { index: 3, size: 8 })).toBe(isOfShard('AAPL', { index: 3, size: 8 }));
  });

  test('are named by Batch, attempts of one child alike', () => {
    const child = { AWS_BATCH_JOB_ARRAY_INDEX: 2, AWS_BATCH_JOB_ARRAY_SIZE: 3, AWS_BATCH_JOB_ID: 'abc:2' };
    expect(shardOf(child, 'run')).toEqual({ index: 2, size: 3, submission: 'run abc' });
    expect(shardOf({}, 'run')).toBeUndefined();
    expect(() => shardOf({ AWS_BATCH_JOB_ARRAY_INDEX: 3, AWS_BATCH_JOB_ARRAY_SIZE: 3 }, 'run')).toThrow('no shard');
  });
});
