import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { keys } from '../../src/lake/lake.ts';
import { decodeRows } from '../../src/lake/parquet.ts';
import { generateMarket } from '../../src/local/market/generator.ts';
import type { DividendRow, MarketSource, SplitRow } from '../../src/local/market/source.ts';
import { afterbell } from './command.ts';
import { lakeFiles, MORNING, openScene, type Scene, SESSION, SYMBOLS } from './scene.ts';

const base = generateMarket({ symbols: SYMBOLS, seed: 1 });
/** Dividends besides those of the market; the list may change between two nights. */
const marketWith = (added: readonly DividendRow[]): MarketSource => ({
  ...base,
  dividends: async (asOf) => [...(await base.dividends(asOf)), ...added],
});
const dividend = (ticker: string, ex_dividend_date: string, cash_amount: number, more: Partial<DividendRow> = {}) => ({
  id: `${ticker}${ex_dividend_date}`,
  ticker,
  cash_amount,
  currency: 'USD',
  declaration_date: '2025-11-03',
  ex_dividend_date,
  record_date: ex_dividend_date,
  pay_date: '2025-12-01',
  frequency: 4,
  distribution_type: 'recurring' as const,
  ...more,
});
const task = (scene: Scene) => scene.run({ ...MORNING, task: 'sync-dividends', session: SESSION }, { kind: 'task' });
const set = (night: Awaited<ReturnType<Scene['run']>>) =>
  night.outcome.datasets.find(({ name }) => name === 'dividends')!;
const notesOf = (scene: Scene, night: Awaited<ReturnType<Scene['run']>>) => {
  const report = JSON.parse(
    readFileSync(join(scene.home, 'lake', keys.report(SESSION, `run=${night.runId}.json`)), 'utf8'),
  );
  expect(report.runId).toBe(night.runId);
  return JSON.stringify(report);
};

test('a night stores dividends; repeated it writes nothing; both query and the warehouse answer, and verify restores', async () => {
  const scene = await openScene();
  const { lake, warehouse } = scene.laptop.stores;
  const night = await scene.run(MORNING);
  expect(night.outcome.status).toBe('Succeeded');
  const { rows } = set(night);
  expect(rows).toBeGreaterThan(200);
  expect(set(night)).toMatchObject({ status: 'success', new: rows, changed: 0, rejected: 0, pages: 1 });
  const key = keys.snapshot('dividends', SESSION);
  expect(await decodeRows((await lake.read(key))!, key, ['symbol'])).toHaveLength(rows);
  const counted =
    'SELECT count(*)::int AS rows, min(first_seen)::text AS seen, min(ex_date)::text AS first FROM dividends';
  const [stored] = await warehouse.query(counted);
  expect(stored).toMatchObject({ rows, seen: SESSION });
  expect(String(stored!.first) >= '2020-01-01').toBe(true);

  const before = lakeFiles(scene.home);
  expect(set(await task(scene))).toMatchObject({ status: 'success', new: 0, changed: 0 });
  const lists = [...before].filter(([name]) => name.startsWith('reference/'));
  expect([...lakeFiles(scene.home)].filter(([name]) => name.startsWith('reference/'))).toEqual(lists);

  await warehouse.query("DELETE FROM dividends WHERE symbol = 'SPY'");
  await warehouse.query("UPDATE dividends SET symbol = 'GHOST' WHERE symbol = 'AAPL' AND ex_date > '2025-01-01'");
  await scene.close();
  const env = { AFTERBELL_HOME: scene.home };
  const found = await afterbell(['verify', '--repair'], env);
  expect(found.stdout + found.stderr).toMatch(/dividends of the newest list are not in it/);
  expect(found.stdout + found.stderr).toMatch(/dividends that the newest list lacks are still in it/);
  const asked = ['query', "SELECT count(*) AS rows FROM dividends WHERE symbol <> 'GHOST'", '--json'];
  const restored = await afterbell([...asked, '--warehouse'], env);
  expect([JSON.parse(restored.stdout), JSON.parse((await afterbell(asked, env)).stdout)]).toEqual([
    [{ rows }],
    [{ rows }],
  ]);
});

test('corrected and withdrawn dividends, and factors that are not ours, are named in the report', async () => {
  const day = '2025-11-17';
  const payers = new Set((await base.dividends('2026-11-20')).map(({ ticker }) => ticker));
  const bars = await base.bars('2025-11-14');
  const [a, b, c] = bars.flatMap(({ T, o }) => (payers.has(T) || o < 5 ? [] : [T])) as [string, string, string];
  const added = [
    dividend(a, day, 0.5, { historical_adjustment_factor: 0.9 }),
    dividend(b, day, 0.25),
    dividend(c, day, 0.3),
    dividend(c, day, 0.9, { id: 'special', distribution_type: 'special', frequency: 0 }),
  ];
  const scene = await openScene({ source: marketWith(added) });
  const first = await task(scene);
  expect(set(first)).toMatchObject({ status: 'success' });
  expect(notesOf(scene, first)).toMatch(new RegExp(`${a} 2025-11-17: our factor is 0\\.\\d{6}, the vendor's is 0\\.9`));

  added[0] = dividend(a, day, 0.55);
  added[2] = dividend(c, day, 0.3, { pay_date: '2025-12-02' });
  added.splice(1, 1);
  const second = await task(scene);
  expect(set(second)).toMatchObject({ status: 'success', new: 0, changed: 3 });
  const notes = notesOf(scene, second);
  expect(notes).toContain(`${a} 2025-11-17: was 0.5 USD (recurring), the vendor says 0.55 USD (recurring) now`);
  expect(notes).toContain(`${b} 2025-11-17: 0.25 USD (recurring) is no longer at the vendor`);
  const rows = await scene.laptop.stores.warehouse.query(
    `SELECT symbol, cash_amount::text AS cash, pay_date::text AS paid FROM dividends WHERE ex_date = '${day}'
     AND symbol IN ('${a}', '${b}', '${c}') ORDER BY cash_amount`,
  );
  expect(rows).toEqual([
    { symbol: c, cash: '0.3', paid: '2025-12-02' },
    { symbol: a, cash: '0.55', paid: '2025-12-01' },
    { symbol: c, cash: '0.9', paid: '2025-12-01' },
  ]);
});

test('verify --repair restores dividends and splits with the sessions in which they were first seen', async () => {
  const [day, next, ahead] = ['2025-11-17', '2025-11-20', '2026-03-02'];
  const dividends = [dividend('AAPL', day, 0.5), dividend('MSFT', day, 0.25)];
  const split = (ticker: string, split_to: number): SplitRow => {
    return { id: `${ticker}${split_to}`, ticker, execution_date: ahead, split_from: 1, split_to };
  };
  const splits = [split('AAPL', 3), split('MSFT', 2)];
  const source = { ...marketWith(dividends), splits: async () => [...(await base.splits()), ...splits] };
  const scene = await openScene({ source });
  const fetchBoth = async (session: string, scheduledTime: string) => {
    for (const task of ['sync-dividends', 'sync-splits']) {
      const { outcome } = await scene.run({ task, session, scheduledTime }, { kind: 'task', session });
      expect(outcome.status, outcome.reasons.join('\n')).toBe('Succeeded');
    }
  };
  await fetchBoth(SESSION, MORNING.scheduledTime);
  // One is corrected, one stays, one is new.
  dividends.splice(0, 1, dividend('AAPL', day, 0.55), dividend('NVDA', day, 0.3));
  splits.splice(0, 1, split('AAPL', 4), split('NVDA', 5));
  await fetchBoth(next, '2025-11-21T09:00:00Z');

  const { warehouse } = scene.laptop.stores;
  const tables = [
    `SELECT symbol, ex_date::text AS day, cash_amount::text AS figure, first_seen::text AS seen FROM dividends
     ORDER BY 1, 2, 3`,
    `SELECT symbol, execution_date::text AS day, split_to::text AS figure, first_seen::text AS seen FROM splits
     ORDER BY 1, 2, 3`,
  ];
  const before = await Promise.all(tables.map((sql) => warehouse.query(sql)));
  const [aapl, msft, nvda] = [
    { symbol: 'AAPL', seen: SESSION },
    { symbol: 'MSFT', seen: SESSION },
    { symbol: 'NVDA', seen: next },
  ];
  expect(before[0]!.filter((row) => row.day === day && ['0.55', '0.25', '0.3'].includes(String(row.figure)))).toEqual([
    { ...aapl, day, figure: '0.55' },
    { ...msft, day, figure: '0.25' },
    { ...nvda, day, figure: '0.3' },
  ]);
  expect(before[1]!.filter((row) => row.day === ahead)).toEqual([
    { ...aapl, day: ahead, figure: '4' },
    { ...msft, day: ahead, figure: '2' },
    { ...nvda, day: ahead, figure: '5' },
  ]);

  for (const table of ['dividends', 'splits']) await warehouse.query(`DELETE FROM ${table}`);
  await scene.close();
  const env = { AFTERBELL_HOME: scene.home };
  await afterbell(['verify', '--repair'], env);
  for (const [place, sql] of tables.entries()) {
    const { stdout } = await afterbell(['query', '--warehouse', sql, '--json'], env);
    expect(JSON.parse(stdout)).toEqual(before[place]);
  }
});

test('half of a list is withheld, and nothing is lost', async () => {
  const scene = await openScene({ timeScale: 0 });
  await task(scene);
  const before = await scene.laptop.stores.lake.read(keys.snapshot('dividends', SESSION));
  scene.market.misbehave(['half-missing@dividends']);
  const half = await task(scene);
  expect(set(half)).toMatchObject({ status: 'held', new: 0, changed: 0 });
  expect(set(half).reasons.join()).toMatch(/dividends: .* vanished/);
  expect(await scene.laptop.stores.lake.read(keys.snapshot('dividends', SESSION))).toEqual(before);
});
