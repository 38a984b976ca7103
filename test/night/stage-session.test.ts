import { beforeEach, describe, expect, test } from 'vitest';
import type { BarSource } from '../../src/datasets/prices.ts';
import { NamedError } from '../../src/errors.ts';
import { claimLake, keys } from '../../src/lake/lake.ts';
import { decodeBars } from '../../src/lake/session-files.ts';
import { readNote, stagedDates } from '../../src/lake/staging.ts';
import { stageSession } from '../../src/night/stage-session.ts';
import { MemoryLake } from '../lake/memory-lake.ts';
import { DATE, FIRST, row, rowsOf, source } from './vendor-rows.ts';

let lake: MemoryLake;
beforeEach(() => {
  lake = new MemoryLake();
});
const stage = (rows: unknown[], runId = 'r1', openedAt = FIRST, practice = true) =>
  stageSession(source(rows, practice), { runId, openedAt, session: DATE }, lake);

describe('staging', () => {
  test('writes rows, rejects and the note, and nothing that is served', async () => {
    expect(await stage([...rowsOf('BA'), row('C', { c: 99 })])).toEqual({
      date: DATE,
      status: 'staged',
      rows: 2,
      rejected: 1,
      waitSeconds: 12,
      reason: '',
    });
    const served = [...lake.objects.keys()].filter((key) => !key.startsWith('staging/'));
    expect(served).toEqual([keys.stamp]);
    expect(lake.changes.at(-1)).toBe(keys.stagedNote('r1', DATE));
    expect(await readNote(lake, 'r1', DATE)).toMatchObject({
      rows: 2,
      rejected: 1,
      source: 'practice',
      kind: 'practice',
      ingestedAt: FIRST,
    });
    const staged = await decodeBars((await lake.read(keys.staged('r1', DATE)))!, 'staged');
    expect(staged.map(({ symbol, source: from }) => [symbol, from])).toEqual([
      ['A', 'practice'],
      ['B', 'practice'],
    ]);
    expect(await stagedDates(lake, 'r1')).toEqual([DATE]);
  });

  test('real rows carry the name of their vendor', async () => {
    await stage(rowsOf('A'), 'r1', FIRST, false);
    expect(await readNote(lake, 'r1', DATE)).toMatchObject({ source: 'polygon', kind: 'real' });
  });

  test('a second try without rejects leaves none of the first', async () => {
    await stage([row('A'), row('B', { o: -1 })]);
    await stage(rowsOf('AB'));
    expect(await lake.read(keys.stagedRejects('r1', DATE))).toBeUndefined();
  });

  test.each([
    ['a young session is not there yet', FIRST, 'Vendor.NotYetAvailable'],
    ['an old one is invalid', '2025-11-24T21:00:00.000Z', 'Data.Invalid'],
  ])('an empty answer for %s', async (_name, openedAt, name) => {
    await expect(stage([], 'r1', openedAt)).rejects.toMatchObject({ name });
    expect(lake.changes).toEqual([]);
  });

  test('a session outside the plan is skipped with the reason, other trouble is thrown', async () => {
    const failing = (name: 'Vendor.DateOutOfPlan' | 'Vendor.AuthFailed') => {
      const session = () => Promise.reject(new NamedError(name, 'the words'));
      return stageSession({ name: 'polygon', session }, { runId: 'r1', openedAt: FIRST, session: DATE }, lake);
    };
    expect(await failing('Vendor.DateOutOfPlan')).toMatchObject({ status: 'skipped', reason: 'the words', rows: 0 });
    await expect(failing('Vendor.AuthFailed')).rejects.toMatchObject({ name: 'Vendor.AuthFailed' });
  });

  test('a second look at a served session waits for nothing, and stages even an empty answer', async () => {
    const again = (session: BarSource['session']) =>
      stageSession({ name: 'polygon', session }, { runId: 'r1', openedAt: FIRST, session: DATE, again: true }, lake);
    const early = () => Promise.reject(new NamedError('Vendor.NotYetAvailable', 'before end of day'));
    expect(await again(early)).toMatchObject({ status: 'skipped', reason: 'before end of day' });
    await expect(again(() => Promise.reject(new NamedError('Vendor.AuthFailed', 'no')))).rejects.toThrow('no');
    expect(await again(source([]).session)).toMatchObject({ status: 'staged', rows: 0 });
    expect(await readNote(lake, 'r1', DATE)).toMatchObject({ again: true, rows: 0 });
  });

  test('rows of the other kind are refused before anything is written', async () => {
    await claimLake(lake, 'real');
    const before = lake.contents();
    await expect(stage(rowsOf('A'))).rejects.toMatchObject({ name: 'Lake.WrongKind' });
    expect(lake.contents()).toEqual(before);
  });
});
