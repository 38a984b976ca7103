import { QueryCommand } from '@aws-sdk/lib-dynamodb';
import { expect, test } from 'vitest';
import { generateMarket } from '../../src/local/market/generator.ts';
import type { MarketSource, TickerRow } from '../../src/local/market/source.ts';
import { afterbell } from './command.ts';
import { openScene, type Scene, SESSION, SYMBOLS } from './scene.ts';

const NEXT = '2025-11-20';
/** By hand, at nine in the morning UTC after the session. */
const task = (session: string) => ({ task: 'sync-tickers', session, scheduledTime: morningAfter(session) });
const morningAfter = (session: string) => `${session.slice(0, 8)}${Number(session.slice(8)) + 1}T09:00:00Z`;
const ofTask = (session: string) => ({ kind: 'task' as const, session });

async function symbolsOf({ laptop: { stores } }: Scene, market: string): Promise<Record<string, unknown>[]> {
  const { Items = [] } = await stores.tables.send(
    new QueryCommand({
      TableName: stores.config.TICKERS_TABLE,
      IndexName: 'by-market',
      KeyConditionExpression: '#market = :market AND #status = :active',
      ExpressionAttributeNames: { '#market': 'market', '#status': 'status' },
      ExpressionAttributeValues: { ':market': market, ':active': 'active' },
    }),
  );
  return Items;
}

test('what came, went and was renamed is answered by query alone, in the lake and in the warehouse', async () => {
  const plain = generateMarket({ symbols: SYMBOLS, seed: 1 });
  let altered: (rows: TickerRow[]) => TickerRow[] = (rows) => rows;
  const source: MarketSource = {
    ...plain,
    tickers: async (market, asOf) => altered([...(await plain.tickers(market, asOf))]),
  };
  const scene = await openScene({ source });
  const first = await scene.run(task(SESSION), ofTask(SESSION));
  expect(first.outcome, first.outcome.reasons.join('\n')).toMatchObject({ status: 'Succeeded' });
  const known = (await symbolsOf(scene, 'stocks')).filter(({ compositeFigi }) => compositeFigi);
  const [renamed, gone] = known.map(({ symbol }) => String(symbol)) as [string, string];
  altered = (rows) =>
    [
      ...rows
        .filter(({ ticker }) => ticker !== gone)
        .map((row) => (row.ticker === renamed ? { ...row, ticker: 'RENAMED' } : row)),
      ...(rows[0]?.market === 'stocks' ? [{ ...rows[0], ticker: 'BRANDNEW', composite_figi: 'BBG0NEW' }] : []),
    ].map((row) => (row.ticker === 'BRANDNEW' ? withoutShareClass(row) : row));
  const second = await scene.run(task(NEXT), ofTask(NEXT));
  expect(second.outcome.datasets[0]).toMatchObject({ status: 'success', new: 2, changed: 2 });

  await scene.close();
  const env = { AFTERBELL_HOME: scene.home };
  const ask = async (sql: string, ...options: string[]) => {
    const answer = await afterbell(['query', sql, '--json', ...options], env);
    expect(answer.code, answer.stderr).toBe(0);
    return JSON.parse(answer.stdout);
  };
  const week = "SELECT change, symbol, former_symbol FROM symbol_changes WHERE date >= '2025-11-17' ORDER BY change";
  expect(await ask(week)).toEqual([
    { change: 'added', symbol: 'BRANDNEW', former_symbol: null },
    { change: 'renamed', symbol: 'RENAMED', former_symbol: renamed },
    { change: 'vanished', symbol: gone, former_symbol: null },
  ]);
  const history = `SELECT symbol, reason, ending FROM symbol_history
    WHERE dataset = 'tickers' AND (reason <> 'first seen' OR ending IS NOT NULL) ORDER BY reason, ending`;
  const rows = (await ask(history, '--warehouse')) as Record<string, string>[];
  expect(rows.map(({ symbol, reason, ending }) => [symbol, reason, ending]).sort()).toEqual(
    [
      ['BRANDNEW', 'listed', null],
      ['RENAMED', `renamed from ${renamed}`, null],
      [renamed, 'first seen', 'renamed to RENAMED'],
      [gone, 'first seen', 'no longer listed'],
    ].sort(),
  );
});

function withoutShareClass({ share_class_figi: _, ...row }: TickerRow): TickerRow {
  return row;
}

test('every market and type that is configured is kept, nothing else; the same list again writes nothing', async () => {
  const env = { POLYGON_MARKETS: 'stocks,otc,crypto,fx,indices', POLYGON_TYPES: 'CS,ETF' };
  const scene = await openScene({ env });
  const first = await scene.run(task(SESSION), ofTask(SESSION));
  expect(first.outcome.status, first.outcome.reasons.join('\n')).toBe('Succeeded');
  const found: Record<string, unknown[]> = {};
  for (const market of env.POLYGON_MARKETS.split(',')) found[market] = await symbolsOf(scene, market);
  expect(found.crypto).toHaveLength(3);
  expect(found.fx).toHaveLength(4);
  expect(found.indices?.map((item) => (item as { symbol: string }).symbol).sort()).toEqual(['I:DJI', 'I:NDX', 'I:SPX']);
  const types = [...found.stocks!, ...found.otc!].map((item) => (item as { type?: string }).type);
  expect([...new Set(types)].sort()).toEqual(['CS', 'ETF']);
  const again = await scene.run(task(SESSION), ofTask(SESSION));
  expect(again.outcome.datasets[0]).toMatchObject({ status: 'success', new: 0, changed: 0 });
  expect(again.outcome.datasets[0]!.rows).toBe(first.outcome.datasets[0]!.rows);
});
