import { beforeEach, describe, expect, test } from 'vitest';
import { keys } from '../../src/lake/lake.ts';
import { replaceQuarantine } from '../../src/night/quarantine.ts';
import { MemoryLake } from '../lake/memory-lake.ts';
import { DATE } from './vendor-rows.ts';

let lake: MemoryLake;
beforeEach(() => {
  lake = new MemoryLake();
});

describe('quarantine', () => {
  const line = (dataset: string, symbol: string) => JSON.stringify({ dataset, symbol });
  const text = async () => Buffer.from((await lake.read(keys.quarantine(DATE))) ?? '').toString();

  test("one dataset's lines are replaced, the others' stay, and none at all means no file", async () => {
    await replaceQuarantine(lake, DATE, 'prices', [line('prices', 'B'), line('prices', 'A')]);
    await replaceQuarantine(lake, DATE, 'tickers', [line('tickers', 'C')]);
    await replaceQuarantine(lake, DATE, 'prices', [line('prices', 'D')]);
    expect(await text()).toBe(`${line('prices', 'D')}\n${line('tickers', 'C')}\n`);
    const changes = lake.changes.length;
    await replaceQuarantine(lake, DATE, 'tickers', [line('tickers', 'C')]);
    expect(lake.changes).toHaveLength(changes);
    await replaceQuarantine(lake, DATE, 'tickers', []);
    await replaceQuarantine(lake, DATE, 'prices', []);
    expect(await lake.read(keys.quarantine(DATE))).toBeUndefined();
  });

  test('datasets that end at the same moment all find their lines in it', async () => {
    const names = ['prices', 'tickers', 'assets', 'splits'];
    await Promise.all(names.map((name) => replaceQuarantine(lake, DATE, name, [line(name, 'A')])));
    const lines = (await text()).trimEnd().split('\n');
    expect(lines.map((one) => JSON.parse(one).dataset).sort()).toEqual([...names].sort());
  });
});
