import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { keys } from '../../src/lake/lake.ts';
import { readSplits } from '../../src/lake/splits-list.ts';
import { statement } from '../../src/text.ts';
import sql from '../../src/warehouse/reference.sql';
import { afterbell } from './command.ts';
import { lakeFiles, MORNING, openMarket, openOn, openScene, type Scene, SESSION, scratch, warmHome } from './scene.ts';

const indexMembersOnSql = statement(sql, 'index-members-on');

const ask = (asked: string[], start: string) => asked.filter((path) => path.startsWith(start)).length;
const set = (night: Awaited<ReturnType<Scene['run']>>, name: string) =>
  night.outcome.datasets.find((dataset) => dataset.name === name)!;
const text = (bytes: Uint8Array | undefined) => Buffer.from(bytes ?? []).toString('utf8');

/** Makes a list due again without waiting for a day. */
async function age({ laptop: { stores } }: Scene, ...datasets: string[]): Promise<void> {
  for (const dataset of datasets) {
    const last = (await stores.runs.lastSync(dataset))!;
    const lastSyncTimestamp = new Date(Date.parse(last.lastSyncTimestamp) - 24 * 3_600_000).toISOString();
    await stores.runs.saveLastSync(dataset, { ...last, lastSyncTimestamp });
  }
}

/** The market of every scene takes 2025-12-01 12:00 UTC for now; its fund is of the session closed before. */
const HOLDINGS_OF = '2025-11-28';
const index = 'russell_2000';

test('a night stores members of the index and splits; repeated it writes nothing; query answers who was in it', async () => {
  const scene = await openScene();
  const { lake, warehouse } = scene.laptop.stores;
  const night = await scene.run(MORNING);
  expect(night.outcome.status).toBe('Succeeded');

  const members = set(night, 'index_members');
  expect(members).toMatchObject({ status: 'success', rejected: 0, pages: 1, new: members.rows });
  expect(members.reasons[0]).toMatch(/rows are no listed shares: .*Cash 2.*no ticker 1/);
  const list = text(await lake.read(keys.indexMembersText))
    .trim()
    .split('\n');
  expect(list).toHaveLength(members.rows);
  expect(list).toEqual(expect.arrayContaining(['CON', 'BRK.B']));
  expect(await lake.read(keys.snapshot('index_members', HOLDINGS_OF))).toBeDefined();
  const on = async (date: string) =>
    (await warehouse.query(indexMembersOnSql, { index, date })).map(({ symbol }) => symbol);
  expect((await on(HOLDINGS_OF)).toSorted()).toEqual(list);
  expect(await on('2025-11-27')).toEqual([]);

  const splits = set(night, 'splits');
  const stored = await warehouse.query(
    'SELECT symbol, execution_date::text AS day, first_seen::text AS seen FROM splits',
  );
  expect(stored).toHaveLength(splits.rows);
  expect(new Set(stored.map(({ seen }) => seen))).toEqual(new Set([SESSION]));
  expect(await readSplits(lake)).toHaveLength(splits.rows);
  const ledger =
    "SELECT task_name FROM sync_logs WHERE status = 'success' AND task_name IN ('sync-splits', 'sync-index-members')";
  expect(await warehouse.query(ledger)).toHaveLength(2);

  await age(scene, 'splits', 'index_members');
  const before = lakeFiles(scene.home);
  const again = await scene.run(MORNING);
  for (const name of ['splits', 'index_members'])
    expect(set(again, name)).toMatchObject({ status: 'success', new: 0, changed: 0 });
  expect(ask(again.asked, '/stocks/v1/splits')).toBe(1);
  expect(lakeFiles(scene.home)).toEqual(before);

  await scene.close();
  const sql = (date: string) =>
    `SELECT count(*) AS members FROM index_members WHERE valid_from <= '${date}' AND (valid_to IS NULL OR valid_to > '${date}')`;
  const answer = await afterbell(['query', sql(HOLDINGS_OF), '--json'], { AFTERBELL_HOME: scene.home });
  expect(JSON.parse(answer.stdout)).toEqual([{ members: members.rows }]);
  expect(
    JSON.parse((await afterbell(['query', sql('2025-11-27'), '--json'], { AFTERBELL_HOME: scene.home })).stdout),
  ).toEqual([{ members: 0 }]);
});

test('a degraded vendor costs its other lists a word, not the lists of others', async () => {
  const scene = await openScene({ misbehave: ['server-error@tickers'], timeScale: 0 });
  const night = await scene.run(MORNING);
  expect(night.outcome.status).toBe('Partial');
  expect(set(night, 'tickers').status).toBe('failed');
  expect(set(night, 'splits')).toMatchObject({ status: 'skipped', pages: 0 });
  expect(set(night, 'splits').reasons[0]).toMatch(/its vendor is not asked again tonight: Vendor.Unavailable/);
  for (const name of ['assets', 'index_members', 'prices']) expect(set(night, name).status).toBe('success');
  expect(ask(night.asked, '/stocks/v1/splits')).toBe(0);
  const rows = await scene.laptop.stores.warehouse.query(
    "SELECT status, error_message FROM sync_logs WHERE task_name = 'sync-splits'",
  );
  expect(rows).toMatchObject([{ status: 'skipped', error_message: expect.stringContaining('Vendor.Unavailable') }]);
});

test('bad answers of the fund leave the list held as it is, each under its own name', async () => {
  const scene = await openScene({ timeScale: 0 });
  await scene.run(MORNING);
  const before = lakeFiles(scene.home);
  const bad = async (misbehave: string) => {
    scene.market.misbehave([misbehave]);
    await age(scene, 'index_members');
    const night = await scene.run(MORNING);
    return { night, members: set(night, 'index_members') };
  };
  const half = await bad('half-missing@members');
  expect(half.night.outcome.status).toBe('Partial');
  expect(half.members).toMatchObject({ status: 'held', new: 0, changed: 0 });
  const cut = await bad('truncated-json@members');
  expect(cut.members).toMatchObject({ status: 'failed' });
  expect(cut.members.reasons[0]).toMatch(/^Vendor\.TruncatedBody: The holdings file is not whole/);
  const refused = await bad('unauthorized@ishares');
  expect(refused.members.reasons[0]).toMatch(/^Vendor\.AuthFailed: The host of INDEX_MEMBERS_URI refused/);
  const lists = ([key]: [string, string]) => key.startsWith('reference/');
  expect([...lakeFiles(scene.home)].filter(lists)).toEqual([...before].filter(lists));
});

test('a file of the operator: its day counts, a day without holdings is skipped, an older file refused', async () => {
  const home = await warmHome();
  const market = await openMarket({});
  const folder = scratch();
  mkdirSync(folder, { recursive: true });
  const uri = join(folder, 'IWM holdings.csv');
  const scene = await openOn(home, market, { env: { INDEX_MEMBERS_URI: uri }, timeScale: 0 });
  const task = (input: object = {}) =>
    scene.run({ task: 'sync-index-members', session: SESSION, ...input }, { kind: 'task' });
  const file = (day: string, tickers: string[]) =>
    writeFileSync(
      uri,
      `\ufeffFund\nFund Holdings as of,"${day}"\n\u00a0\nTicker,Name,Asset Class,Price,Exchange\n${tickers
        .map((ticker) => `"${ticker}","N","Equity","1.00","NASDAQ"\n`)
        .join('')}\u00a0\n"The end,\nat last."\n`,
    );
  expect((await task()).outcome.reasons.join()).toContain(`no holdings file at ${uri}`);
  file('Nov 18, 2025', ['CON', 'BRKB']);
  expect((await task()).outcome.reasons.join()).toContain('no reference list to find the members in');
  await scene.run({ task: 'sync-tickers', session: SESSION }, { kind: 'task' });
  expect((await task()).outcome).toMatchObject({ status: 'Succeeded' });
  file('Nov 19, 2025', ['CON', 'AAPL']);
  expect(set(await task(), 'index_members')).toMatchObject({ new: 1, changed: 1 });
  file('-', []);
  const none = await task();
  expect(set(none, 'index_members').status).toBe('failed');
  writeFileSync(uri, '\ufeffFund\nFund Holdings as of,"-"\n\u00a0\n');
  expect((await task()).outcome).toMatchObject({ status: 'Succeeded', datasets: [{ status: 'skipped' }] });
  file('Nov 18, 2025', ['CON']);
  expect((await task()).outcome.reasons.join()).toMatch(/of a day that cannot be stored; found 2025-11-18.*2025-11-19/);

  const { warehouse, lake } = scene.laptop.stores;
  const rows = await warehouse.query(
    'SELECT symbol, valid_from::text AS a, valid_to::text AS b FROM index_members ORDER BY 1',
  );
  expect(rows.map(({ symbol, a, b }) => [symbol, a, b])).toEqual([
    ['AAPL', '2025-11-19', null],
    ['BRK.B', '2025-11-18', '2025-11-19'],
    ['CON', '2025-11-18', null],
  ]);
  expect(text(await lake.read(keys.indexMembersText))).toBe('AAPL\nCON\n');
  expect(market.requests.filter(({ path }) => path.includes('1467271812596'))).toEqual([]);
});

test('a list of members killed before its publication is published without asking again', async () => {
  const home = await warmHome();
  const market = await openMarket({});
  const first = await openOn(home, market);
  const stop = new AbortController();
  const isStaged = (output: unknown) => {
    const { Payload } = (output ?? {}) as { Payload?: { dataset?: string; done?: boolean } };
    return Payload?.dataset === 'index_members' && !Payload.done;
  };
  const ended = first.run(MORNING, {
    signal: stop.signal,
    onEvent: ({ type, output }) => {
      if (type === 'TaskSucceeded' && isStaged(output)) stop.abort();
    },
  });
  await expect(ended).rejects.toMatchObject({ name: 'Job.Interrupted' });
  await first.close();
  const second = await openOn(home, market);
  const night = await second.run(MORNING);
  expect(night.outcome.status).toBe('Succeeded');
  expect(market.requests.filter(({ path }) => path.includes('1467271812596'))).toHaveLength(1);
  expect(set(night, 'index_members')).toMatchObject({ status: 'success', pages: 1 });
});
