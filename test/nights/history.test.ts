import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { expect, test } from 'vitest';
import { startLoopbackS3 } from '../../scripts/bench/loopback-s3.ts';
import { sessionNumber } from '../../src/calendar/calendar.ts';
import { generateMarket } from '../../src/local/market/generator.ts';
import { HOLDINGS_PATH } from '../../src/local/market/ishares.ts';
import type { BarRow, MarketSource, TickerRow } from '../../src/local/market/source.ts';
import type { PracticeMarket } from '../../src/local/market/start-market.ts';
import { afterThisTest } from '../cleanup.ts';
import { afterbell, started } from './command.ts';
import {
  lakeFiles,
  MORNING,
  morningHome,
  openMarket,
  openOn,
  SESSION,
  SYMBOLS,
  scratch,
  THAT_MORNING,
} from './scene.ts';

/** A security with a first day or a last one, which the practice market does not have; `figi` tells who it is. */
interface Life {
  ticker: string;
  figi: string;
  from?: string;
  last?: string;
}

const LIVES: Life[] = [
  { ticker: 'BANK', figi: 'BBG000BANK', last: '2025-10-22' },
  // Before any bar that the lake holds: only the vendor says when it ended.
  { ticker: 'OLDBANK', figi: 'BBG00OLDBK', last: '2025-08-12' },
  { ticker: 'OLDN', figi: 'BBG000NAME', last: '2025-11-03' },
  { ticker: 'NEWN', figi: 'BBG000NAME', from: '2025-11-04' },
  { ticker: 'IPOX', figi: 'BBG000IPOX', from: '2025-10-28' },
  // One symbol of two companies.
  { ticker: 'TAKEN', figi: 'BBG00FIRST', last: '2025-09-10' },
  { ticker: 'TAKEN', figi: 'BBG0SECOND', from: '2025-10-24' },
  { ticker: 'SHORT', figi: 'BBG00SHORT', from: '2025-10-23', last: '2025-10-29' },
];

const isAlive = ({ from = '', last = '9' }: Life, date: string) => from <= date && date <= last;

/** The practice market with these securities besides, and with the plan's first day. */
function marketOf(lives: readonly Life[], earliest?: string): MarketSource {
  const plain = generateMarket({ symbols: SYMBOLS, seed: 1 });
  const row = (life: Life, date: string): TickerRow => ({
    ticker: life.ticker,
    name: life.ticker,
    market: 'stocks',
    locale: 'us',
    type: 'CS',
    currency_name: 'usd',
    composite_figi: life.figi,
    last_updated_utc: '2020-01-01T00:00:00Z',
    ...(isAlive(life, date)
      ? { active: true }
      : { active: false, delisted_utc: life.ticker === 'OLDN' ? undefined : `${life.last}T00:00:00Z` }),
  });
  const bar = ({ ticker }: Life, date: string): BarRow => {
    const price = 10 + (sessionNumber(date) % 7);
    return { T: ticker, o: price, h: price, l: price, c: price, v: 100 };
  };
  return {
    ...plain,
    earliest: earliest ?? plain.earliest,
    tickers: async (market, asOf) => {
      const known = lives.filter(({ from = '' }) => from <= asOf).map((life) => row(life, asOf));
      const rows = [...(await plain.tickers(market, asOf)), ...(market === 'otc' ? [] : known)];
      return rows.sort((a, b) => (a.ticker < b.ticker ? -1 : 1));
    },
    bars: async (date) => [
      ...(await plain.bars(date)),
      ...lives.filter((life) => isAlive(life, date)).map((life) => bar(life, date)),
    ],
  };
}

interface Past {
  home: string;
  market: PracticeMarket;
  env: Record<string, string>;
  /** `history …` of the command line. */
  history(...args: string[]): ReturnType<typeof afterbell>;
  ask(sql: string, ...options: string[]): Promise<Record<string, unknown>[]>;
}

/** A home after the good night of SESSION, with sessions of October besides. */
async function past(lives: readonly Life[] = LIVES, earliest?: string): Promise<Past> {
  const home = await morningHome();
  const market = await openMarket({ source: marketOf(lives, earliest) });
  const scene = await openOn(home, market);
  const { outcome } = await scene.run(
    { from: '2025-10-20', to: '2025-11-06' },
    { kind: 'backfill', session: '2025-11-06' },
  );
  expect(outcome.status, outcome.reasons.join('\n')).toBe('Succeeded');
  // The list of the night knows nothing of them yet.
  await scene.run({ task: 'sync-tickers', session: SESSION, ...MORNING }, { kind: 'task' });
  await scene.close();
  const env = { AFTERBELL_HOME: home, POLYGON_BASE_URL: market.url, POLYGON_API_KEY: 'x', ...THAT_MORNING };
  const ask = async (sql: string, ...options: string[]) => {
    const answer = await afterbell(['query', sql, '--json', ...options], env);
    expect(answer.code, answer.stderr).toBe(0);
    return JSON.parse(answer.stdout) as Record<string, unknown>[];
  };
  return { home, market, env, ask, history: (...args) => afterbell(['history', ...args], env) };
}

/** What was asked for of the tickers endpoint: the day, `delisted`, or the day of a further page. */
const asked = (market: PracticeMarket) =>
  market.requests.flatMap(({ path }) => {
    if (!path.startsWith('/v3/reference/tickers?')) return [];
    const query = new URLSearchParams(path.slice(path.indexOf('?')));
    const filters = query.has('cursor')
      ? new URLSearchParams(Buffer.from(query.get('cursor')!, 'base64url').toString())
      : query;
    return [`${filters.get('active') === 'false' ? 'delisted' : filters.get('date')} ${filters.get('market')}`];
  });
const nightLists = (home: string) => [...lakeFiles(home)].filter(([key]) => /^reference\/tickers\/date=/.test(key));

test('month-end lists make a history that names every bar, with each beginning and end on its day', async () => {
  const { home, market, env, history, ask } = await past();
  const nights = nightLists(home);
  expect(await ask("SELECT count(*) AS names FROM universe('2025-10-31')")).toEqual([{ names: 0 }]);
  market.requests.length = 0;
  const done = await history('--reference', '--from', '2025-06-02', '--json');
  expect(done.code, done.stderr).toBe(0);
  const outcome = JSON.parse(done.stdout);
  expect(outcome.lists).toEqual({ first: '2025-06-02', last: '2025-10-31', count: 6, fetched: 6 });
  const days = ['delisted', '2025-10-31', '2025-09-30', '2025-08-29', '2025-07-31', '2025-06-30', '2025-06-02'];
  expect(asked(market)).toEqual(days.flatMap((day) => [`${day} stocks`, `${day} otc`]));

  const named = [...new Set(LIVES.map(({ ticker }) => `'${ticker}'`))].join(', ');
  const rows = `SELECT concat_ws(' ', symbol, valid_from, coalesce(valid_to::text, '-'), reason, ending, source) AS row
    FROM symbol_history WHERE symbol IN (${named}) ORDER BY symbol, valid_from`;
  const expected = [
    'BANK 2025-06-02 2025-10-23 first seen no longer listed backfill',
    'IPOX 2025-10-28 - listed backfill',
    'NEWN 2025-11-04 - renamed from OLDN backfill',
    'OLDBANK 2025-06-02 2025-08-13 first seen no longer listed backfill',
    'OLDN 2025-06-02 2025-11-04 first seen renamed to NEWN backfill',
    'SHORT 2025-10-23 2025-10-30 listed no longer listed backfill',
    'TAKEN 2025-06-02 2025-09-11 first seen no longer listed backfill',
    'TAKEN 2025-10-24 - symbol reused backfill',
  ].map((row) => ({ row }));
  expect(await ask(rows)).toEqual(expected);
  expect(await ask(rows, '--warehouse')).toEqual(expected);
  // A bank that failed is listed until its last day.
  const listed = (day: string) =>
    ask(`SELECT symbol FROM universe('${day}') WHERE symbol IN (${named}) ORDER BY symbol`);
  expect((await listed('2025-10-22')).map(({ symbol }) => symbol)).toEqual(['BANK', 'OLDN']);
  expect((await listed('2025-10-23')).map(({ symbol }) => symbol)).toEqual(['OLDN', 'SHORT']);
  // Of days before the first list nothing is known.
  expect(await listed('2025-05-30')).toEqual([]);

  // 14 sessions of October and November and 8 of the home: every bar has a name of its day.
  expect(outcome.names).toMatchObject({ sessions: 22, unlisted: 0, at_other_times: 0, unnamed: null });
  expect(outcome.names.names - outcome.names.otc - outcome.names.not_traded).toBe(outcome.names.bars);
  expect(await ask(`SELECT count(*) AS bars FROM sessions WHERE date < '${SESSION}'`)).toEqual([
    { bars: outcome.names.bars },
  ]);
  expect(nightLists(home)).toEqual(nights);
  expect(
    await ask(
      "SELECT change, symbol, date FROM symbol_changes WHERE symbol IN ('BANK', 'NEWN') AND date < '2025-11-19' ORDER BY symbol",
    ),
  ).toEqual([
    { change: 'vanished', symbol: 'BANK', date: '2025-10-23' },
    { change: 'renamed', symbol: 'NEWN', date: '2025-11-04' },
  ]);

  // Whoever has the catalog alone sees the same.
  const instance = await DuckDBInstance.create(join(home, 'lake/catalog/afterbell.duckdb'), {
    access_mode: 'READ_ONLY',
  });
  const connection = await instance.connect();
  const counted = await connection.runAndReadAll("SELECT count(*)::INTEGER AS names FROM universe('2025-10-22')");
  connection.closeSync();
  instance.closeSync();
  expect(counted.getRowObjectsJson()).toEqual(await ask("SELECT count(*) AS names FROM universe('2025-10-22')"));

  // The same again asks nobody and writes nothing.
  const before = lakeFiles(home);
  market.requests.length = 0;
  const again = await history('--reference', '--from', '2025-06-02');
  expect(again.code, again.stderr).toBe(0);
  expect(again.stderr).toContain('every one is there');
  expect(again.stdout).toContain('symbol_history: 0 rows changed');
  expect(again.stdout).toContain('Every bar has a name.');
  expect(asked(market)).toEqual([]);
  expect(lakeFiles(home)).toEqual(before);
  expect((await afterbell(['verify'], env)).code).toBe(0);
});

test('a night after it changes what it changes and nothing before; a lost history comes back from the lists', async () => {
  const { home, market, history, ask, env } = await past();
  expect((await history('--reference', '--from', '2025-09-02')).code).toBe(0);
  const rows = "SELECT * FROM symbol_history WHERE dataset = 'tickers' ORDER BY symbol, valid_from";
  const made = await ask(rows, '--warehouse');
  const scene = await openOn(home, market);
  await scene.run({ task: 'sync-tickers', session: SESSION, ...MORNING }, { kind: 'task' });
  await scene.close();
  expect(await ask(rows, '--warehouse')).toEqual(made);

  const lost = await openOn(home, market);
  await lost.laptop.stores.warehouse.query('DELETE FROM symbol_history');
  await lost.close();
  const damaged = await afterbell(['verify'], env);
  expect(damaged.stdout).toContain('symbol_history');
  expect(damaged.code).not.toBe(0);
  const repaired = await afterbell(['verify', '--repair'], env);
  expect(repaired.code, repaired.stdout + repaired.stderr).toBe(0);
  expect(await ask(rows, '--warehouse')).toEqual(made);
});

test('a run that was stopped goes on with the next page, and a list that cannot be whole is not stored', async () => {
  const { market, env, history } = await past();
  market.requests.length = 0;
  const { child, ended, stderr } = started(['history', '--reference', '--from', '2024-01-02'], env);
  while (!stderr().includes('2025-08-29')) await new Promise((resolve) => setTimeout(resolve, 20));
  child.kill('SIGKILL');
  await ended;
  const done = await history('--reference', '--from', '2024-01-02', '--json');
  expect(done.code, done.stderr).toBe(0);
  const requests = asked(market);
  // The page under way when it was killed may have been asked twice.
  expect(requests.length - new Set(requests).size).toBeLessThanOrEqual(1);
  expect(JSON.parse(done.stdout).lists).toMatchObject({ first: '2024-01-02', count: 23 });

  market.misbehave(['half-missing@tickers']);
  const halved = await history('--reference', '--from', '2023-06-01');
  expect(halved.code).toBe(3);
  expect(halved.stdout).toMatch(
    /The vendor did not give the list of 2023-12-29[\s\S]*cannot be the whole market; found \d+ rows of stocks/,
  );
});

test('a plan that refuses older dates is said with what was got', async () => {
  const { market, history, ask } = await past(LIVES, '2025-08-01');
  // A vendor in trouble is asked again.
  market.misbehave(['server-error@tickers:3']);
  const done = await history('--reference', '--from', '2003-09-10');
  expect(done.code).toBe(3);
  expect(done.stdout).toContain(
    '3 lists of the past from 2025-08-29 to 2025-10-31, 3 fetched now. Of days before 2025-08-29 nothing is known.',
  );
  expect(done.stdout).toMatch(/The vendor did not give the list of 2025-07-31.*\n.*outside of the plan's history/);
  expect(await ask("SELECT count(*) > 50 AS known FROM universe('2025-08-29')")).toEqual([{ known: true }]);
  expect(await ask("SELECT count(*) AS names FROM universe('2025-08-28')")).toEqual([{ names: 0 }]);
});

test('index members of the past come from dated files or from the address of the fund', async () => {
  const { market, env, history, ask } = await past();
  expect((await history('--reference', '--from', '2025-06-02')).code).toBe(0);
  const nights = await ask('SELECT * FROM index_lists ORDER BY symbol');
  const web = await history('--members', `${market.url}${HOLDINGS_PATH}`, '--from', '2025-08-01', '--json');
  expect(web.code, web.stderr).toBe(0);
  expect(JSON.parse(web.stdout).members).toMatchObject({ lists: 4, without: 0, outside: 0 });
  const dates = "SELECT DISTINCT date, source FROM index_lists WHERE source = 'backfill' ORDER BY date";
  const days = ['2025-08-01', '2025-08-29', '2025-09-30', '2025-10-31'];
  expect(await ask(dates)).toEqual(days.map((date) => ({ date, source: 'backfill' })));
  expect(await ask('SELECT * FROM index_lists WHERE source IS NULL ORDER BY symbol')).toEqual(nights);
  const count = (day: string) => ask(`SELECT count(*) > 5 AS known FROM members('russell_2000', '${day}')`);
  expect(await count('2025-09-15')).toEqual([{ known: true }]);
  expect(await count('2025-07-31')).toEqual([{ known: false }]);

  const folder = scratch();
  mkdirSync(folder, { recursive: true });
  const file = (name: string, day: string, tickers: string[]) =>
    writeFileSync(
      join(folder, name),
      `\ufeffFund\nFund Holdings as of,"${day}"\n\u00a0\nTicker,Name,Asset Class,Price,Exchange\n${tickers
        .map((ticker) => `"${ticker}","N","Equity","1.00","NASDAQ"\n`)
        .join('')}\u00a0\n"The end,\nat last."\n`,
    );
  // Delisted since, and known by the list of its time.
  file('june.csv', 'Jun 30, 2025', ['CON', 'OLDBANK', 'NOBODY']);
  file('held.csv', 'Oct 31, 2025', ['CON']);
  const s3 = await startLoopbackS3();
  afterThisTest(() => s3.close());
  for (const name of ['june.csv', 'held.csv'])
    await fetch(`${s3.url}/holdings/iwm/${name}`, { method: 'PUT', body: readFileSync(join(folder, name)) });
  const access = {
    AWS_ENDPOINT_URL_S3: s3.url,
    AWS_ACCESS_KEY_ID: 'a',
    AWS_SECRET_ACCESS_KEY: 'b',
    AWS_REGION: 'us-east-1',
  };
  const bucket = ['--members', 's3://holdings/iwm', '--from', '2025-07-01', '--json'];
  const outside = await afterbell(['history', ...bucket], { ...env, ...access });
  expect(JSON.parse(outside.stdout).members).toMatchObject({ lists: 0, known: 1, outside: 1 });
  const filed = await history('--members', folder, '--from', '2025-06-01');
  expect(filed.code, filed.stderr).toBe(0);
  expect(filed.stdout).toContain('index members: 1 list stored, 1 there already');
  expect(filed.stdout).toContain('1 row was refused');
  const june = await ask("SELECT symbol FROM members('russell_2000', '2025-06-30') ORDER BY symbol");
  expect(june.map(({ symbol }) => symbol)).toEqual(['CON', 'OLDBANK']);
  const stored = `SELECT symbol, valid_from, valid_to, source FROM index_members
    WHERE symbol IN ('CON', 'OLDBANK') ORDER BY symbol`;
  expect(await ask(stored, '--warehouse')).toEqual(await ask(stored));
  expect((await afterbell(['verify'], env)).code).toBe(0);

  file('torn.csv', 'May 30, 2025', []);
  const torn = await history('--members', folder, '--from', '2025-05-01');
  expect(torn.code).toBe(1);
  expect(torn.stderr).toMatch(/Data\.Invalid: .*torn\.csv cannot be read/);
});

test('what cannot be done is said before anybody is asked', async () => {
  const { market, history } = await past([]);
  market.requests.length = 0;
  const cases: [string[], RegExp][] = [
    [['--from', '2025-06-02'], /nothing is asked for; wanted --reference, --members or both/],
    [['--reference', '--from', '2050-06-01'], /--from 2050-06-01 is not past/],
    [['--reference', '--from', 'June'], /YYYY-MM-DD/],
    [['--members', '/nowhere/at/all', '--from', '2025-06-02'], /no folder that can be read/],
  ];
  for (const [args, message] of cases) {
    const { code, stderr } = await history(...args);
    expect(code, args.join(' ')).toBe(2);
    expect(stderr).toMatch(message);
  }
  const dry = await history('--reference', '--from', '2025-06-02', '--dry-run');
  expect(dry.stdout).toContain('Nothing was asked of a vendor');
  expect(dry.stderr).toContain(
    '6 lists of the past before 2025-11-19, the first list of a night: 6 to fetch, about 12 calls.',
  );
  expect(asked(market)).toEqual([]);
});
