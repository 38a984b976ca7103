import fc from 'fast-check';
import { beforeEach, describe, expect, test } from 'vitest';
import { loadConfig } from '../../src/config.ts';
import { NamedError } from '../../src/errors.ts';
import { decodeBars } from '../../src/lake/bars.ts';
import { readIngest } from '../../src/lake/ingest.ts';
import { keys } from '../../src/lake/keys.ts';
import { decodeRows } from '../../src/lake/parquet.ts';
import { revisionsOf } from '../../src/lake/revisions.ts';
import { claimLake } from '../../src/lake/stamp.ts';
import { mergeSession } from '../../src/night/merge-session.ts';
import { publishSession } from '../../src/night/publish-session.ts';
import { replaceQuarantine } from '../../src/night/quarantine.ts';
import { type BarSource, stageSession } from '../../src/night/stage-session.ts';
import { readNote, stagedDates } from '../../src/night/staging.ts';
import { bar, bars } from '../checks/bars.ts';
import { MemoryLake } from '../lake/memory-lake.ts';
import { FakeWarehouse } from './rooms.ts';

const DATE = '2025-11-19';
const FIRST = '2025-11-20T09:00:00.000Z';
const SECOND = '2025-11-21T09:00:00.000Z';

/** A vendor row. */
const row = (T: string, more: Record<string, unknown> = {}) => ({
  T,
  o: 10,
  h: 12,
  l: 9,
  c: 11,
  v: 1000,
  vw: 10.5,
  n: 42,
  ...more,
});
const rowsOf = (symbols: string, more = {}) => [...symbols].map((symbol) => row(symbol, more));
const source = (rows: unknown[], practice = true): BarSource => ({
  name: 'polygon',
  session: async () => ({ rows, practice, waitSeconds: 12 }),
});

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

describe('merging', () => {
  test('an unchanged row keeps its ingestedAt, a changed one takes the new', () => {
    const stored = [bar('A', DATE), bar('B', DATE), bar('GONE', DATE)];
    const fetched = ['A', 'B', 'NEW'].map((symbol) =>
      bar(symbol, DATE, { ingestedAt: SECOND, close: symbol === 'B' ? 11.5 : 11 }),
    );
    const merged = mergeSession(stored, fetched);
    expect(merged).toMatchObject({ new: 1, changed: 1, removed: ['GONE'] });
    expect(merged.bars.map(({ symbol, ingestedAt }) => [symbol, ingestedAt])).toEqual([
      ['A', `${DATE}T23:00:00.000Z`],
      ['B', SECOND],
      ['NEW', SECOND],
    ]);
  });

  test('merging a version with itself changes nothing', () => {
    const list = bars(20, DATE);
    expect(
      mergeSession(
        list,
        list.map((one) => ({ ...one, ingestedAt: SECOND })),
      ),
    ).toEqual({ bars: list, new: 0, changed: 0, removed: [], kept: [] });
  });

  test('a refused symbol keeps the bar it had, an absent one is removed, a good row beside a refused one counts', () => {
    const stored = ['A', 'B', 'C', 'D'].map((symbol) => bar(symbol, DATE));
    const fetched = ['B', 'D'].map((symbol) => bar(symbol, DATE, { ingestedAt: SECOND, close: 11.5 }));
    const merged = mergeSession(stored, fetched, new Set(['A', 'B', 'NEVER']));
    expect(merged).toMatchObject({ new: 0, changed: 2, removed: ['C'], kept: ['A'] });
    expect(merged.bars).toEqual([stored[0], ...fetched]);
  });

  test('every stored symbol is served still, kept or removed, and bars come in the order of their symbols', () => {
    const symbols = fc.uniqueArray(fc.constantFrom(...'ABCDEFGH'));
    fc.assert(
      fc.property(symbols, symbols, symbols, (had, came, refused) => {
        const barsOf = (list: string[]) => [...list].sort().map((symbol) => bar(symbol, DATE));
        const { bars: after, kept, removed } = mergeSession(barsOf(had), barsOf(came), new Set(refused));
        expect(after.map(({ symbol }) => symbol)).toEqual([...new Set([...came, ...kept])].sort());
        expect(kept).toEqual([...had].sort().filter((symbol) => !came.includes(symbol) && refused.includes(symbol)));
        expect([...kept, ...removed].sort()).toEqual([...had].sort().filter((symbol) => !came.includes(symbol)));
      }),
    );
  });
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

  test('another source alone is no revision, and a session nobody was served is begun anew without one', async () => {
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
    expect((await quarantined()).map(({ dataset }) => dataset).sort()).toEqual([...names].sort());
  });
});
