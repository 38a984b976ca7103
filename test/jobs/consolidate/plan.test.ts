import { describe, expect, test } from 'vitest';
import {
  ingestsNeeded,
  type PlanInput,
  planConsolidation,
  splitIntoBatches,
} from '../../../src/jobs/consolidate/consolidation-plan.ts';
import {
  type ConsolidationCheckpoint,
  NOTHING_CONSOLIDATED,
} from '../../../src/jobs/consolidate/consolidation-state.ts';
import type { Inventory } from '../../../src/jobs/consolidate/inventory.ts';
import type { Ingest } from '../../../src/lake/session-files.ts';

const [MON, TUE, WED] = ['2025-11-17', '2025-11-18', '2025-11-19'] as [string, string, string];
const ingest = (date: string, removed: string[] = [], checksum = `sum ${date}`): [string, Ingest] => [
  date,
  { date, rows: 2, rejected: 0, checksum, removed, source: 't', runId: 'r', ingestedAt: `${date}T23:00:00Z` },
];
const files = (symbol: string, ...dates: string[]) =>
  dates.map((date) => ({ date, key: `${symbol}/${date}`, size: 1, etag: '1' }));

function planOf({ has = [], more = {}, ...rest }: Partial<PlanInput> & { has?: string[]; more?: Partial<Inventory> }) {
  const inventory: Inventory = {
    histories: new Set(has),
    oldNames: new Set(),
    dateFiles: new Map(),
    digests: { symbols: {}, dates: {} },
    unrecognisedKeys: [],
    ...more,
  };
  return planConsolidation({
    mode: 'incremental',
    held: [MON, TUE, WED].map((date) => ({ date, etag: '1' })),
    ingests: new Map(),
    inventory,
    manifest: new Set(has),
    checkpoint: done(),
    ...rest,
  });
}

const done = (more: Partial<ConsolidationCheckpoint> = {}): ConsolidationCheckpoint => ({
  ...NOTHING_CONSOLIDATED,
  sessions: Object.fromEntries([MON, TUE, WED].map((date) => [date, { etag: '1', checksum: `sum ${date}` }])),
  ...more,
});

describe('planConsolidation', () => {
  test('nothing new is nothing to read', () => {
    const plan = planOf({ has: ['A'] });
    expect(plan).toEqual({ sessions: [], dateFiles: new Map(), examined: new Set(), visited: new Set() });
    expect(ingestsNeeded({ mode: 'incremental', held: [{ date: MON, etag: '1' }], checkpoint: done() })).toEqual([]);
  });

  test('a republished session is read whole, with the symbols it lost; one merely written again is not', () => {
    const held = [
      { date: MON, etag: '2' },
      { date: TUE, etag: '2' },
      { date: WED, etag: '1' },
    ];
    expect(ingestsNeeded({ mode: 'incremental', held, checkpoint: done() })).toEqual([MON, TUE]);
    const { sessions } = planOf({
      held,
      ingests: new Map([ingest(MON, ['GONE'], 'other'), ingest(TUE, ['X'])]),
      has: ['A'],
    });
    expect(sessions).toEqual([{ date: MON, checksum: 'other', only: undefined, removed: ['GONE'] }]);
  });

  test('of many date files only those whose symbol and date both changed are read, with their session beside them', () => {
    const before = { symbols: { A: 'a', B: 'b', C: 'c' }, dates: { [MON]: 'm', [TUE]: 't' } };
    const plan = planOf({
      has: ['A', 'B', 'C'],
      checkpoint: done({ dateFiles: before }),
      more: {
        dateFiles: new Map(['A', 'B', 'C'].map((symbol) => [symbol, files(symbol, MON, TUE)])),
        digests: { symbols: { ...before.symbols, B: 'new' }, dates: { ...before.dates, [TUE]: 'new' } },
      },
    });
    expect(plan.dateFiles).toEqual(new Map([['B', files('B', TUE)]]));
    expect(plan.sessions).toEqual([{ date: TUE, checksum: `sum ${TUE}`, only: new Set(['B']), removed: [] }]);
  });

  test('a symbol that failed is tried again with what it lacks, a lost history with everything', () => {
    const plan = planOf({
      has: ['A', 'F'],
      manifest: new Set(['A', 'F', 'LOST']),
      checkpoint: done({ failed: { F: [TUE] } }),
      ingests: new Map([ingest(TUE, ['F'])]),
    });
    expect(plan.visited).toEqual(new Set(['LOST', 'F']));
    expect(plan.sessions.map(({ date, only, removed }) => [date, [...(only ?? [])], removed])).toEqual([
      [MON, ['LOST'], []],
      [TUE, ['LOST', 'F'], ['F']],
      [WED, ['LOST'], []],
    ]);
  });

  test('a history the manifest does not know is examined, in a full run every one is', () => {
    expect(planOf({ has: ['A', 'NEW'], manifest: new Set(['A']) }).examined).toEqual(new Set(['NEW']));
    const full = planOf({
      mode: 'full',
      has: ['A', 'B'],
      ingests: new Map([MON, TUE, WED].map((date) => ingest(date))),
    });
    expect(full.examined).toEqual(new Set(['A', 'B']));
    expect(full.sessions.map(({ date }) => date)).toEqual([MON, TUE, WED]);
  });

  test('a run limited to symbols asks nothing for others', () => {
    const plan = planOf({
      mode: 'full',
      symbols: new Set(['A']),
      has: ['A', 'B'],
      ingests: new Map([ingest(MON, ['A', 'B'])]),
      more: { dateFiles: new Map([['B', files('B', MON)]]) },
    });
    expect(plan.sessions).toEqual([{ date: MON, checksum: `sum ${MON}`, only: new Set(['A']), removed: ['A'] }]);
    expect([plan.dateFiles.size, plan.examined]).toEqual([0, new Set(['A'])]);
  });

  test('portions part the dates without gap or overlap', () => {
    const plan = planOf({
      mode: 'full',
      ingests: new Map([MON, TUE, WED].map((date) => ingest(date))),
      more: { dateFiles: new Map([['A', files('A', '2020-01-02', TUE, '2030-01-02')]]) },
    });
    const portions = splitIntoBatches(plan, 1);
    expect(portions.map(({ from, to, sessions }) => [from, sessions[0]!.date, to])).toEqual([
      ['0000-01-01', MON, MON],
      [TUE, TUE, TUE],
      [WED, WED, '9999-12-31'],
    ]);
    expect(portions.map(({ dateFiles }) => dateFiles.get('A')?.map(({ date }) => date))).toEqual([
      ['2020-01-02'],
      [TUE],
      ['2030-01-02'],
    ]);
  });
});
