import { describe, expect, test } from 'vitest';
import { keys, listAll } from '../../src/lake/lake.ts';
import { decodeRows } from '../../src/lake/parquet.ts';
import { decodeBars, publishedSessions } from '../../src/lake/session-files.ts';
import { HELD, lakeFiles, logLines, MORNING, type Night, openScene, type Scene, SESSION } from './scene.ts';

interface Expected {
  status: 'Succeeded' | 'Partial' | 'Held' | 'Failed';
  exit: number;
  /** What became of the night's session and of the one before it, which is looked at again. */
  published: string[];
  held?: string[];
  /** Rows of sync_logs, by task. */
  ledger: Record<string, string>;
  says?: RegExp;
  /** Whether what was served before is served still, byte for byte; it is unless a vendor corrects it. */
  kept?: false;
}

/** Vendors this scene has no key for are said on every night. */
const reasonsOf = ({ outcome }: Night) => outcome.reasons.filter((reason) => !reason.endsWith('is not set'));

const fetched = { 'sync-tickers': 'success', 'sync-assets': 'success' };
const good = { ...fetched, prices: 'success', consolidate: 'success', resample: 'success' };
const published = [SESSION];

const table: [misbehaviour: string, expected: Expected][] = [
  ['rate-limit@polygon:2', { status: 'Succeeded', exit: 0, published, ledger: good }],
  [
    'rate-limit@grouped',
    { status: 'Failed', exit: 1, published: [], ledger: { ...fetched, prices: 'failed' }, says: /Vendor\.RateLimited/ },
  ],
  [
    'before-end-of-day',
    {
      status: 'Failed',
      exit: 1,
      published: [],
      ledger: { ...fetched, prices: 'failed' },
      says: /Vendor\.NotYetAvailable/,
    },
  ],
  [
    'unauthorized@polygon',
    {
      status: 'Failed',
      exit: 1,
      published: [],
      ledger: { 'sync-tickers': 'failed', 'sync-assets': 'success', prices: 'failed' },
      says: /POLYGON_API_KEY was refused/,
    },
  ],
  ['server-error@grouped:3', { status: 'Succeeded', exit: 0, published, ledger: good }],
  [
    'server-error@alpaca',
    {
      status: 'Partial',
      exit: 3,
      published,
      ledger: { ...good, 'sync-assets': 'failed' },
      says: /Vendor\.Unavailable/,
    },
  ],
  [
    'truncated-json@tickers',
    { status: 'Partial', exit: 3, published, ledger: { ...good, 'sync-tickers': 'failed' }, says: /TruncatedBody/ },
  ],
  [
    'looping-cursor@tickers',
    { status: 'Partial', exit: 3, published, ledger: { ...good, 'sync-tickers': 'failed' }, says: /CursorLoop/ },
  ],
  ['late-correction', { status: 'Succeeded', exit: 0, published: [HELD.last, SESSION], ledger: good, kept: false }],
  [
    'half-missing',
    {
      status: 'Held',
      exit: 4,
      published: [],
      held: [HELD.last, SESSION],
      ledger: { ...fetched, prices: 'held' },
      says: /rows, usually/,
    },
  ],
  ['slow-body@grouped:1', { status: 'Succeeded', exit: 0, published, ledger: good }],
  [
    'wrong-types',
    {
      status: 'Held',
      exit: 4,
      published: [],
      held: [HELD.last, SESSION],
      ledger: { ...fetched, prices: 'held' },
      says: /rows were rejected/,
    },
  ],
];

/** Session files and their manifests, as they are served. */
function served(scene: Scene): [string, string][] {
  return [...lakeFiles(scene.home)].filter(([key]) => /^(bronze\/sessions|processing_metadata\/ingest)\//.test(key));
}

describe('a whole night on which the market misbehaves', () => {
  test.each(table)('%s', async (misbehaviour, expected) => {
    const scene = await openScene({
      misbehave: [misbehaviour],
      timeScale: 1 / 100_000,
      env: { TRAILING_SESSIONS: '1' },
    });
    const { lake, warehouse } = scene.laptop.stores;
    const before = served(scene);
    const night = await scene.run(MORNING);
    expect(reasonsOf(night).join('\n')).toMatch(expected.says ?? /^$/);
    expect(night.outcome.status).toBe(expected.status);
    expect(night.exitCode).toBe(expected.exit);
    expect(night.outcome.sessions).toMatchObject({ published: expected.published, held: expected.held ?? [] });

    const rows = await warehouse.query(
      `SELECT task_name, status FROM sync_logs WHERE metadata ->> 'run_id' = '${night.runId}'`,
    );
    expect(Object.fromEntries(rows.map(({ task_name, status }) => [task_name, status]))).toMatchObject(expected.ledger);
    const [entry] = await warehouse.query(`SELECT status FROM nights WHERE run_id = '${night.runId}'`);
    expect(entry).toEqual({ status: expected.status });

    const isPublished = expected.published.includes(SESSION);
    expect(await publishedSessions(lake)).toHaveLength(HELD.count + (isPublished ? 1 : 0));
    if (expected.kept !== false) expect(served(scene)).toEqual(expect.arrayContaining(before));
    const [stored] = await warehouse.query(`SELECT count(*)::int AS rows FROM stock_prices WHERE date = '${SESSION}'`);
    expect(Number(stored!.rows) > 0).toBe(isPublished);

    const staged = await listAll(lake, keys.stagingOf(night.runId));
    expect(staged.length > 0).toBe(expected.held !== undefined);
    const isBad = expected.status === 'Failed' || expected.status === 'Held';
    const isTold = isBad || rows.some(({ status }) => status === 'failed' || status === 'held');
    expect(logLines(scene.home, 'notifications.jsonl')).toHaveLength(isTold ? 1 : 0);
    expect(logLines(scene.home, 'events.jsonl')).toHaveLength(isBad ? 0 : 1);
  });
});

test('a correction of a served session is counted, listed with old and new values, and read once by the jobs', async () => {
  const scene = await openScene({ env: { TRAILING_SESSIONS: '3' } });
  const { lake, warehouse } = scene.laptop.stores;
  const first = await scene.run(MORNING);
  expect(first.outcome).toMatchObject({ status: 'Succeeded' });
  expect(first.asked.filter((path) => path.includes('/grouped/'))).toHaveLength(4);
  expect(first.outcome.sessions).toMatchObject({ published: [SESSION] });
  expect(first.outcome.datasets.find(({ name }) => name === 'prices')).toMatchObject({ revised: 0, pages: 4 });
  expect(await listAll(lake, keys.revisionsOf)).toEqual([]);
  const files = lakeFiles(scene.home);
  const bars = async () => decodeBars((await lake.read(keys.session(SESSION)))!, 'the session');
  const old = await bars();

  scene.market.misbehave(['late-correction']);
  const next = { session: '2025-11-20' };
  const night = await scene.run(next, next);
  const prices = night.outcome.datasets.find(({ name }) => name === 'prices')!;
  expect([night.outcome.status, reasonsOf(night)]).toEqual(['Succeeded', []]);
  expect(prices).toMatchObject({ status: 'success', revised: 3, changed: 3 });
  expect(night.outcome.notes?.join('\n')).toContain(`${SESSION}: 1 bar was revised`);
  const [listed] = (await listAll(lake, keys.revisionsOf)).filter(({ key }) => key.includes(`date=${SESSION}/`));
  const rows = await decodeRows((await lake.read(listed!.key))!, listed!.key, [
    'symbol',
    'close_before',
    'close_after',
  ]);
  const now = await bars();
  const changed = now.filter((bar, place) => bar.close !== old[place]!.close);
  expect(rows).toMatchObject(
    changed.map(({ symbol, close }) => ({
      symbol,
      night: '2025-11-20',
      run_id: night.runId,
      kind: 'changed',
      close_before: old.find((bar) => bar.symbol === symbol)!.close,
      close_after: close,
    })),
  );
  const stored = await warehouse.query(`SELECT close::float8 AS close FROM stock_prices
    WHERE date = '${SESSION}' AND symbol = '${changed[0]!.symbol}'`);
  expect(stored).toEqual([{ close: changed[0]!.close }]);
  const oldest = keys.session(HELD.first);
  expect(lakeFiles(scene.home).get(oldest)).toBe(files.get(oldest));

  const again = await scene.run(next, next);
  expect(again.outcome).toMatchObject({ status: 'Succeeded', sessions: { published: ['2025-11-20'] } });
  expect(again.outcome.datasets.find(({ name }) => name === 'prices')).toMatchObject({ revised: 0, changed: 0 });
});

test('wrong-types on a served session: its bars stay, and a release of what was held says and keeps so', async () => {
  const scene = await openScene({ env: { TRAILING_SESSIONS: '1' } });
  const { lake, warehouse } = scene.laptop.stores;
  expect((await scene.run(MORNING)).outcome.status).toBe('Succeeded');
  const bars = async () => decodeBars((await lake.read(keys.session(SESSION)))!, 'the session');
  const before = await bars();
  scene.market.misbehave(['wrong-types']);
  const again = { session: SESSION };
  const held = await scene.run(again, again);
  // Of six spoilt rows one has no symbol that could be read.
  const releasing = { sessions: 2, changed: 0, removed: 2 };
  expect(held.outcome).toMatchObject({ status: 'Held', sessions: { held: [HELD.last, SESSION] }, releasing });
  expect(String(logLines(scene.home, 'notifications.jsonl')[0]!.message)).toContain(
    'Releasing publishes 2 sessions and removes 2 served rows.',
  );
  expect(await bars()).toEqual(before);

  const released = await scene.run({ release: held.runId }, { kind: 'release' });
  expect(released.outcome).toMatchObject({ status: 'Succeeded', sessions: { published: [HELD.last, SESSION] } });
  expect(released.outcome.notes?.join('\n')).toContain(
    `${SESSION}: 5 refused rows left the served bars as they were: AAPL, `,
  );
  const [prices] = released.outcome.datasets.filter(({ name }) => name === 'prices');
  expect(prices).toMatchObject({ new: 0, changed: 0, revised: 0, rejected: 12 });
  const after = await bars();
  const gone = before.filter(({ symbol }) => !after.some((bar) => bar.symbol === symbol)).map(({ symbol }) => symbol);
  expect(gone).toHaveLength(1);
  expect(after).toEqual(before.filter(({ symbol }) => !gone.includes(symbol)));
  const [listed] = (await listAll(lake, keys.revisionsOf)).filter(({ key }) => key.includes(`date=${SESSION}/`));
  const revisions = await decodeRows((await lake.read(listed!.key))!, listed!.key, ['symbol']);
  expect(revisions).toMatchObject([{ symbol: gone[0], kind: 'removed' }]);
  const stored = await warehouse.query(
    `SELECT close::float8 AS close FROM stock_prices WHERE date = '${SESSION}' AND symbol = 'AAPL'`,
  );
  expect(stored).toEqual([{ close: before.find(({ symbol }) => symbol === 'AAPL')!.close }]);
});

test('a gap is healed before the night, a session that cannot be is said and costs nothing else', async () => {
  const scene = await openScene();
  const { lake } = scene.laptop.stores;
  const later = { session: '2025-11-21' };
  const night = await scene.run(later, later);
  expect(night.outcome).toMatchObject({ status: 'Succeeded', sessions: { failed: [] } });
  expect(night.outcome.sessions?.published).toEqual([SESSION, '2025-11-20', '2025-11-21']);
  expect(night.outcome.notes?.[0]).toBe(`2 sessions are missing, fetched first: ${SESSION}, 2025-11-20`);
  expect(await publishedSessions(lake)).toHaveLength(HELD.count + 3);
});

test('with many symbols the night consolidates in several jobs, whose figures are told as one', async () => {
  const one = await openScene();
  const many = await openScene({ env: { CONSOLIDATE_SYMBOLS_PER_SHARD: '20' } });
  const [plain, sharded] = [await one.run(MORNING), await many.run(MORNING)];
  const jobOf = ({ outcome }: typeof plain) => {
    const { rows, changed, status } = outcome.datasets.find(({ name }) => name === 'consolidate')!;
    return { rows, changed, status };
  };
  expect([sharded.outcome.status, reasonsOf(sharded)]).toEqual(['Succeeded', []]);
  expect(jobOf(sharded).status).toBe('success');
  expect(jobOf(sharded).rows).toBe(jobOf(plain).rows);
  const histories = (scene: Scene) =>
    [...lakeFiles(scene.home).keys()].filter((key) => /^(bronze\/raw_ohlcv|silver)\//.test(key));
  expect(histories(many)).toEqual(histories(one));
  const results = (await listAll(many.laptop.stores.lake, 'processing_metadata/jobs/consolidate-')).length;
  expect(results).toBe(4);
  expect(await listAll(many.laptop.stores.lake, keys.consolidationParts)).toEqual([]);
  const started = logLines(many.home, 'jobs.jsonl').filter(({ name }) => name === `consolidate-${SESSION}`);
  expect(new Set(started.map(({ id }) => String(id).split(':')[1])).size).toBe(4);
});
