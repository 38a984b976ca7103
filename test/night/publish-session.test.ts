import fc from 'fast-check';
import { beforeEach, describe, expect, test } from 'vitest';
import { loadConfig } from '../../src/config.ts';
import { NamedError } from '../../src/errors.ts';
import { keys } from '../../src/lake/lake.ts';
import { decodeRows } from '../../src/lake/parquet.ts';
import { revisionsOf } from '../../src/lake/revisions.ts';
import { decodeBars, readIngest } from '../../src/lake/session-files.ts';
import { publishSession } from '../../src/night/publish-session.ts';
import { stageSession } from '../../src/night/stage-session.ts';
import { MemoryLake } from '../lake/memory-lake.ts';
import { FakeWarehouse } from './rooms.ts';
import { DATE, FIRST, row, rowsOf, SECOND, source } from './vendor-rows.ts';

let lake: MemoryLake;
let warehouse: FakeWarehouse;
beforeEach(() => {
  lake = new MemoryLake();
  warehouse = new FakeWarehouse();
});

const stage = (rows: unknown[], runId = 'r1', openedAt = FIRST, practice = true) =>
  stageSession(source(rows, practice), { runId, openedAt, session: DATE }, lake);
const publish = (runId = 'r1', settings: Record<string, string> = {}) =>
  publishSession({ runId, session: DATE }, { lake, warehouse, config: loadConfig(settings) });
const served = async () => decodeBars((await lake.read(keys.session(DATE)))!, 'served');
const quarantined = async () =>
  Buffer.from((await lake.read(keys.quarantine(DATE))) ?? '')
    .toString()
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line));

test('stored and quarantined rows together are the rows that came', async () => {
  const odd = fc.constantFrom({}, { c: -1 }, { o: 'x' }, { h: 1 }, { v: null });
  const answer = fc.array(fc.tuple(fc.constantFrom('A', 'B', 'C', '', '123', 'D'), odd), {
    minLength: 1,
    maxLength: 12,
  });
  await fc.assert(
    fc.asyncProperty(answer, async (list) => {
      lake = new MemoryLake();
      const rows = list.map(([symbol, more]) => row(symbol, more));
      const staged = await stage(rows);
      const published = await publish();
      expect(staged.rows + staged.rejected).toBe(rows.length);
      expect((await served()).length + (await quarantined()).length).toBe(rows.length);
      expect(published).toMatchObject({ rows: staged.rows, rejected: staged.rejected });
      expect(await readIngest(lake, DATE)).toMatchObject({ rows: staged.rows, rejected: staged.rejected });
    }),
    { numRuns: 40 },
  );
});

describe('publishing', () => {
  test('serves the session, counts it as held last, and empties staging', async () => {
    await stage([...rowsOf('AB'), row('C', { c: 99 })]);
    lake.changes.length = 0;
    expect(await publish()).toEqual({ date: DATE, rows: 2, new: 2, changed: 0, revised: 0, removed: 0, rejected: 1 });
    expect(lake.changes.slice(0, 3)).toEqual([keys.session(DATE), keys.quarantine(DATE), keys.ingest(DATE)]);
    expect([...lake.objects.keys()].filter((key) => key.startsWith('staging/'))).toEqual([]);
    expect(warehouse.sent).toHaveLength(1);
    expect(warehouse.sent[0]!.values).toMatchObject({ date: DATE, keep: '["A","B"]' });
  });

  test('the same rows again write nothing at all in what is served', async () => {
    await stage([...rowsOf('AB'), row('C', { c: 99 })]);
    await publish();
    const before = lake.contents();
    await stage([...rowsOf('AB'), row('C', { c: 99 })], 'r2', SECOND);
    lake.changes.length = 0;
    expect(await publish('r2')).toMatchObject({ new: 0, changed: 0, removed: 0 });
    expect(lake.changes.filter((key) => !key.startsWith('staging/'))).toEqual([]);
    expect(lake.contents()).toEqual(before);
  });

  test('a symbol that is gone is announced before the session file goes over the old one', async () => {
    await stage(rowsOf('ABC'));
    await publish();
    await stage(rowsOf('AB'), 'r2', SECOND);
    lake.changes.length = 0;
    expect(await publish('r2')).toMatchObject({ removed: 1 });
    expect(lake.changes.slice(0, 4)).toEqual([
      keys.revisions(DATE, SECOND),
      keys.ingest(DATE),
      keys.session(DATE),
      keys.ingest(DATE),
    ]);
    expect(await readIngest(lake, DATE)).toMatchObject({ rows: 2, removed: ['C'], runId: 'r2' });
    await stage(rowsOf('ABC'), 'r3', SECOND);
    await publish('r3');
    expect(await readIngest(lake, DATE)).toMatchObject({ rows: 3, removed: [] });
  });

  test('with BRONZE_LAYOUT=symbol every symbol has its file too, and unchanged ones are not written', async () => {
    const layout = { BRONZE_LAYOUT: 'symbol' };
    await stage([...rowsOf('ABC'), row('D/E')]);
    await publish('r1', layout);
    const files = () => [...lake.objects.keys()].filter((key) => key.startsWith('bronze/raw_ohlcv/')).sort();
    expect(files()).toEqual(['A', 'B', 'C', 'D/E'].map((symbol) => keys.symbolDate(symbol, DATE)).sort());
    await stage([row('A'), row('B', { c: 11.5 }), row('D/E')], 'r2', SECOND);
    lake.changes.length = 0;
    await publish('r2', layout);
    expect(lake.changes.filter((key) => key.startsWith('bronze/raw_ohlcv/')).sort()).toEqual([
      keys.symbolDate('B', DATE),
      keys.symbolDate('C', DATE),
    ]);
    expect(files()).toEqual(['A', 'B', 'D/E'].map((symbol) => keys.symbolDate(symbol, DATE)).sort());
  });

  test('killed at any change and tried again it ends as if it had not been', async () => {
    const layout = { BRONZE_LAYOUT: 'symbol' };
    await stage([...rowsOf('ABCK'), row('X', { c: 99 })]);
    await publish('r1', layout);
    await stage([row('A'), row('B', { c: 11.5 }), row('D'), row('K', { c: 'n/a' })], 'r2', SECOND);
    const start = lake.copy();
    await publish('r2', layout);
    const [undisturbed, changes] = [lake.contents(), lake.changes.length];
    for (let point = 0; point < changes; point += 1) {
      for (const when of ['killBefore', 'killAfter'] as const) {
        lake = start.copy();
        lake[when] = point + (when === 'killAfter' ? 1 : 0);
        await publish('r2', layout).catch(() => {});
        lake = lake.copy();
        await publish('r2', layout);
        const left = Object.entries(lake.contents()).filter(([key]) => !key.startsWith('staging/'));
        expect(Object.fromEntries(left), `${when} ${point}`).toEqual(undisturbed);
      }
    }
  });

  test('rows that were served otherwise are listed with old and new values before they are replaced', async () => {
    await stage(rowsOf('ABC'));
    await publish();
    await stage([row('A'), row('B', { c: 11.5, v: 1001 }), row('D')], 'r2', SECOND);
    lake.changes.length = 0;
    const done = await publishSession(
      { runId: 'r2', session: DATE, night: '2025-11-20' },
      { lake, warehouse, config: loadConfig({}) },
    );
    expect(done).toMatchObject({ new: 1, changed: 1, revised: 1, removed: 1 });
    const key = keys.revisions(DATE, SECOND);
    expect(lake.changes.indexOf(key)).toBe(0);
    const common = { night: '2025-11-20', run_id: 'r2', date: DATE, revised_at: SECOND };
    const b = {
      symbol: 'B',
      kind: 'changed',
      close_before: 11,
      close_after: 11.5,
      volume_before: 1000,
      volume_after: 1001,
    };
    expect(await decodeRows((await lake.read(key))!, key, ['symbol'])).toMatchObject([
      { ...common, ...b, open_before: 10, open_after: 10, served_since: FIRST },
      { ...common, symbol: 'C', kind: 'removed', close_before: 11, close_after: null },
      { ...common, symbol: 'D', kind: 'added', close_before: null, close_after: 11, served_since: null },
    ]);
  });

  test('a refused row leaves the served bar as it was: file, warehouse, revisions; it is said and quarantined', async () => {
    const layout = { BRONZE_LAYOUT: 'symbol' };
    await stage(rowsOf('ABC'));
    await publish('r1', layout);
    const [a, b] = await served();
    await stage([row('A', { o: '10' }), row('B'), row(20240102 as unknown as string)], 'r2', SECOND);
    expect(await publish('r2', layout)).toMatchObject({
      rows: 2,
      changed: 0,
      removed: 1,
      rejected: 2,
      notes: [`${DATE}: 1 refused row left the served bar as it was: A`],
    });
    expect(await served()).toEqual([a, b]);
    expect(await lake.read(keys.symbolDate('A', DATE))).toBeDefined();
    expect(warehouse.sent.at(-1)!.values).toMatchObject({ keep: '["A","B"]' });
    expect((await quarantined()).map(({ symbol }) => symbol)).toEqual(['', 'A']);
    expect(await readIngest(lake, DATE)).toMatchObject({ rows: 2, rejected: 2, removed: ['C'] });
    const key = keys.revisions(DATE, SECOND);
    expect(await decodeRows((await lake.read(key))!, key, ['symbol'])).toMatchObject([
      { symbol: 'C', kind: 'removed' },
    ]);
  });

  test('a bar nobody was served yet is not kept for a refused row', async () => {
    await stage(rowsOf('AB'));
    await publish();
    lake.objects.delete(keys.ingest(DATE));
    await stage([row('A', { o: '10' }), row('B')], 'r2', SECOND);
    expect(await publish('r2')).toMatchObject({ rows: 1, removed: 1, rejected: 1 });
  });

  test('another source alone is no revision, and a session nobody was served is started over without one', async () => {
    await stage(rowsOf('AB'));
    await publish();
    lake.objects.delete(keys.ingest(DATE));
    await stage(rowsOf('AB', { c: 11.5 }), 'r2', SECOND);
    expect(await publish('r2')).toMatchObject({ changed: 2, revised: 0 });
    const moved = (await served()).map((one) => ({ ...one, source: 'flat-files' }));
    expect(revisionsOf(await served(), moved)).toEqual([]);
    expect([...lake.objects.keys()].filter((name) => name.startsWith(keys.revisionsOf))).toEqual([]);
  });

  test('a warehouse that fails leaves the session staged and not held', async () => {
    await stage(rowsOf('AB'));
    warehouse.trouble = new NamedError('Database.Resuming', 'asleep');
    await expect(publish()).rejects.toMatchObject({ name: 'Database.Resuming' });
    expect(await readIngest(lake, DATE)).toBeUndefined();
    warehouse.trouble = undefined;
    expect(await publish()).toMatchObject({ rows: 2 });
    expect(await readIngest(lake, DATE)).toMatchObject({ rows: 2 });
  });

  test('a repeated call finds the session published; one with nothing staged is named', async () => {
    await stage([...rowsOf('AB'), row('C', { c: 99 })]);
    await publish();
    expect(await publish()).toEqual({ date: DATE, rows: 2, new: 0, changed: 0, revised: 0, removed: 0, rejected: 1 });
    lake = new MemoryLake();
    await expect(publish()).rejects.toMatchObject({
      name: 'Data.Invalid',
      message: expect.stringContaining('nothing staged for run r1'),
    });
  });

  test('damaged staging is named and changes nothing that is served', async () => {
    await stage(rowsOf('AB'));
    await lake.write(keys.staged('r1', DATE), Buffer.from('cut'));
    await expect(publish()).rejects.toMatchObject({
      name: 'Lake.Corrupt',
      message: expect.stringContaining(keys.staged('r1', DATE)),
    });
    expect(await lake.read(keys.session(DATE))).toBeUndefined();
  });
});
