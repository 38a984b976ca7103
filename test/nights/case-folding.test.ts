import { cpSync, existsSync, readdirSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { verify } from '../../src/cli/verify/verify.ts';
import { loadConfig } from '../../src/config.ts';
import { LIST_VIEWS } from '../../src/datasets/registry.ts';
import { openViews } from '../../src/lake/views.ts';
import { generateMarket } from '../../src/local/market/generator.ts';
import type { MarketSource } from '../../src/local/market/source.ts';
import { readCloses } from '../../src/portfolio/indicators.ts';
import { openWorkshop, type Workshop } from '../kills/nights.ts';
import { program } from './program.ts';
import { MORNING, openMarket, openScene, type Scene, SESSION, SYMBOLS, scratch } from './scene.ts';

const foldCase = new URL('../lake/fold-case.mjs', import.meta.url).href;
const HISTORIES = 'lake/bronze/raw_ohlcv';

let shop: Workshop | undefined;
afterAll(() => shop?.close());

/** The practice market with two pairs of symbols that differ in case only, each with prices of its own. */
function twins(): MarketSource {
  const whole = generateMarket({ symbols: SYMBOLS, seed: 1 });
  const bars = async (date: string) => {
    const rows = await whole.bars(date);
    const more = ['KIMPL', 'BRKb', 'BRKB'].map((T, place) => {
      const [o, h, l, c] = [10, 12, 9, 11].map((price) => price + 100 * place) as [number, number, number, number];
      return { T, o, h, l, c, v: 1000 + place };
    });
    return [...rows, ...more];
  };
  return { ...whole, bars };
}

test('on a disk that ignores case a night keeps KIMpL and KIMPL apart, and verify finds nothing', async () => {
  shop = openWorkshop();
  const home = join(scratch(), 'home');
  const market = await openMarket({ source: twins(), marketNow: '2025-11-20T09:00:00Z' });
  const env = {
    POLYGON_BASE_URL: market.url,
    POLYGON_API_KEY: 'x',
    NODE_OPTIONS: `--import ${foldCase}`,
    FOLD_ROOT: join(home, 'lake'),
    LAKE_FSYNC: 'off',
  };
  const run = (...argv: string[]) => shop!.run(home, argv, { at: '2025-11-20T09:00:00Z', env });
  const night = await run('night');
  expect(night.code, night.output).toBe(0);
  const folders = readdirSync(join(home, HISTORIES));
  expect(folders).toEqual(expect.arrayContaining(['symbol=KIMPL', 'symbol=KIM_70L', 'symbol=BRK_62', 'symbol=BRKB']));
  expect(new Set(folders.map((name) => name.toLowerCase())).size).toBe(folders.length);
  const sql = "SELECT symbol, close FROM bars WHERE symbol IN ('KIMPL', 'BRKb', 'BRKB') ORDER BY symbol";
  const found = await run('query', sql, '--json');
  expect(JSON.parse(found.output), found.output).toEqual([
    { symbol: 'BRKB', close: 211 },
    { symbol: 'BRKb', close: 111 },
    { symbol: 'KIMPL', close: 11 },
  ]);
  const one = await run('query', "SELECT count(*)::INT AS bars FROM bars WHERE symbol = 'KIMpL'", '--json');
  expect(JSON.parse(one.output), one.output).toEqual([{ bars: 1 }]);
  const verified = await run('verify');
  expect(verified.code, verified.output).toBe(0);
});

async function barsOf({ laptop }: Scene, symbol: string): Promise<number> {
  const views = await openViews(laptop.stores.lake, scratch(), { intervals: [], lists: LIST_VIEWS });
  const reader = await views.connection.runAndReadAll(`SELECT count(*)::INT FROM bars WHERE symbol = '${symbol}'`);
  views.close();
  return reader.getRows()[0]![0] as number;
}

async function problemsOf({ laptop, home }: Scene): Promise<string[]> {
  const config = loadConfig({ AFTERBELL_HOME: home });
  let found = '';
  const print = (text: string) => (found += text);
  const terminal = { json: true, live: false, colour: false, print, note: () => {}, typed: String };
  await laptop.close();
  const { signal } = new AbortController();
  await verify({}, { config, program, terminal, now: new Date(), signal, unread: signal });
  return (JSON.parse(found) as { checks: { problems: string[] }[] }).checks.flatMap(({ problems }) => problems);
}

test('a lake with the names of an earlier version is read as it is, and the next night moves them', async () => {
  const scene = await openScene();
  const [now, old] = ['symbol=KIM_70L', 'symbol=KIMpL'].map((name) => join(scene.home, HISTORIES, name)) as [
    string,
    string,
  ];
  renameSync(now, old);
  expect(await barsOf(scene, 'KIMpL')).toBe(8);
  expect((await readCloses(scene.laptop.stores.lake, 'KIMpL'))!.close).toHaveLength(8);
  const night = await scene.run(MORNING);
  expect(night.outcome.status).toBe('Succeeded');
  expect(existsSync(join(now, 'data.parquet'))).toBe(true);
  expect(existsSync(join(old, 'data.parquet'))).toBe(false);
  expect(await barsOf(scene, 'KIMpL')).toBe(9);
  // Killed between writing the new one and removing the old one.
  cpSync(now, old, { recursive: true });
  expect(await barsOf(scene, 'KIMpL')).toBe(9);
  expect(await problemsOf(scene)).toEqual([]);
  expect(night.outcome.session).toBe(SESSION);
});
