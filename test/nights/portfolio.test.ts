import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { ScanCommand } from '@aws-sdk/lib-dynamodb';
import { afterEach, expect, test } from 'vitest';
import { portfolioOutcomeOf } from '../../src/cli/portfolio-outcome.ts';
import { importPortfolios } from '../../src/local/portfolio-service.ts';
import { logLines, MORNING, openMarket, openOn, type Scene, SESSION, warmHome } from './scene.ts';

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

/** The practice model behind one that has no idea of the portfolio `bad`, until it is told to behave. */
async function openModel(market: string) {
  const model = { url: '', questions: [] as string[], misbehaves: true };
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    const bad = /\\"portfolio\\": \\"bad\\"/.test(body);
    if (request.method === 'POST') model.questions.push(body);
    if (bad && model.misbehaves) {
      const content = JSON.stringify({ summary: 's', positions: [] });
      response.end(JSON.stringify({ model: 'grok-4.3', choices: [{ message: { content }, finish_reason: 'stop' }] }));
      return;
    }
    const headers = { authorization: 'Bearer x', 'content-type': 'application/json' };
    const sent = request.method === 'POST' ? { body } : {};
    const answer = await fetch(`${market}${request.url}`, { method: request.method, headers, ...sent });
    response.writeHead(answer.status, { 'x-afterbell-practice': 'generated' }).end(await answer.text());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  model.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`;
  closers.push(async () => {
    server.close();
    server.closeAllConnections();
  });
  return model;
}

async function byHand({ laptop }: Scene, input: object = {}) {
  const outcome = await portfolioOutcomeOf(
    await laptop.run(input, { machine: 'portfolio', name: 'portfolio' }),
    laptop,
  );
  return { ...outcome, statuses: Object.fromEntries(outcome.portfolios.map((one) => [one.portfolio, one.status])) };
}

/** The practice model's answers, as of other models that are paid for, by portfolio. */
async function openPaidModel(market: string) {
  const answers: Record<string, object> = {
    billed: { model: 'grok-9', ticks: 123_450_000 },
    listed: { model: 'grok-4.7', usage: { input_tokens: 1000, output_tokens: 200, total_tokens: 1200 } },
    unknown: { model: 'grok-4.5-fast', usage: { input_tokens: 1000, output_tokens: 200, total_tokens: 1200 } },
  };
  const asked: string[] = [];
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    asked.push(`${request.method} ${request.url}`);
    const headers = { authorization: 'Bearer x', 'content-type': 'application/json' };
    const answer = await fetch(`${market}${request.url}`, { method: request.method, headers, body });
    const json = (await answer.json()) as { usage: object };
    const name = /\\"portfolio\\": \\"(\w+)\\"/.exec(body)?.[1] ?? '';
    const { ticks, ...over } = answers[name] as { ticks?: number };
    const usage = ticks === undefined ? {} : { usage: { ...json.usage, cost_in_usd_ticks: ticks } };
    const said = JSON.stringify({ ...json, ...usage, ...over });
    response.writeHead(answer.status, { 'x-afterbell-practice': 'generated' }).end(said);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closers.push(async () => {
    server.close();
    server.closeAllConnections();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`, asked };
}

test('XAI_API=responses asks the Responses API once a portfolio; a cost is the one billed, that of the list, or unknown', async () => {
  const market = await openMarket({});
  const model = await openPaidModel(market.url);
  const env = { XAI_API_KEY: 'x', XAI_API_URL: model.url, XAI_API: 'responses' };
  const scene = await openOn(await warmHome(), market, { env });
  const { tables, config } = scene.laptop.stores;
  const positions = [{ symbol: 'AAPL', quantity: 5 }];
  await importPortfolios(
    tables,
    config,
    ['billed', 'listed', 'unknown'].map((portfolio) => ({ portfolio, positions })),
  );
  const run = await byHand(scene);
  expect(run.statuses).toEqual({ billed: 'analysed', listed: 'analysed', unknown: 'analysed' });
  expect(model.asked).toEqual(Array.from({ length: 3 }, () => 'POST /v1/responses'));
  const { Items = [] } = await tables.send(new ScanCommand({ TableName: config.PORTFOLIO_ANALYSES_TABLE }));
  const costs = Object.fromEntries(Items.map((item) => [item.portfolio, [item.model, item.costUsd]]));
  expect(costs).toEqual({
    billed: ['grok-9', 0.012345],
    listed: ['grok-4.7', 0.0032],
    unknown: ['grok-4.5-fast', null],
  });
});

test('a good night starts the portfolio run; a portfolio that fails is named and stops no other, and the next run does only it', async () => {
  const market = await openMarket({});
  const model = await openModel(market.url);
  const scene = await openOn(await warmHome(), market, { env: { XAI_API_KEY: 'x', XAI_API_URL: model.url } });
  const { laptop, home } = scene;
  const { tables, config } = laptop.stores;
  const held = (...symbols: string[]) => symbols.map((symbol) => ({ symbol, quantity: 5 }));
  await importPortfolios(tables, config, [
    { portfolio: 'bad', positions: held('T', 'F') },
    { portfolio: 'core', positions: held('AAPL', 'MSFT', 'NOSUCH') },
    { portfolio: 'income', positions: held('KIMpL', 'AAPL') },
  ]);
  const stored = async () =>
    (await tables.send(new ScanCommand({ TableName: config.PORTFOLIO_ANALYSES_TABLE }))).Items ?? [];

  const night = await scene.run(MORNING);
  expect(night.outcome.status).toBe('Succeeded');
  const executions = await laptop.settled();
  expect(executions).toHaveLength(1);
  expect(executions[0]).toMatchObject({ status: 'FAILED', error: 'Portfolio.Failed' });
  const outcome = await portfolioOutcomeOf(executions[0]!, laptop);
  expect(outcome).toMatchObject({
    status: 'Failed',
    session: SESSION,
    tickers: { written: 5, withoutBars: 1, failed: 0 },
  });
  expect(outcome.portfolios.map(({ portfolio, status }) => `${portfolio} ${status}`).sort()).toEqual([
    'bad failed',
    'core analysed',
    'income analysed',
  ]);
  expect(outcome.reasons).toEqual([expect.stringMatching(/^Model\.WrongSymbols: portfolio "bad": .*missing: "[TF]"/)]);
  expect(outcome.notes.join('\n')).toContain('not in the reference list: NOSUCH');
  const [told] = logLines(home, 'notifications.jsonl');
  expect(told).toMatchObject({ subject: `afterbell: portfolio run Failed for session ${SESSION}` });
  expect(String(told!.message)).toContain('portfolio "bad"');

  const first = await stored();
  expect(first.map(({ portfolio }) => portfolio).sort()).toEqual(['core', 'income']);
  for (const item of first) {
    expect(item).toMatchObject({
      timestamp: `${SESSION}T21:00:00Z`,
      dataAsOf: SESSION,
      model: 'grok-practice',
      practice: true,
    });
  }
  const about = (name: string) => model.questions.filter((body) => body.includes(`\\"portfolio\\": \\"${name}\\"`));
  // Asked, and asked to fix its answer, which is all a portfolio gets.
  expect([about('bad').length, about('core').length, about('income').length]).toEqual([2, 1, 1]);
  for (const body of about('core')) expect(body).not.toMatch(/KIMpL|income|\\"T\\"/);

  model.misbehaves = false;
  model.questions.length = 0;
  const fixed = await byHand(scene);
  expect(fixed).toMatchObject({
    status: 'Succeeded',
    statuses: { bad: 'analysed' },
    unchanged: 2,
    tickers: { written: 0 },
  });
  expect(model.questions).toHaveLength(1);

  const before = await stored();
  const again = await byHand(scene);
  expect(again).toMatchObject({
    status: 'Succeeded',
    statuses: {},
    unchanged: 3,
    tickers: { written: 0, unchanged: 5 },
  });
  expect(model.questions).toHaveLength(1);
  expect(await stored()).toEqual(before);

  const forced = await byHand(scene, { portfolio: 'core', force: true });
  expect(forced).toMatchObject({ statuses: { core: 'analysed' }, tickers: { unchanged: 2 } });
  expect(model.questions).toHaveLength(2);
});

test('trouble that passes is waited for by its name; no credits and a refused key are not asked about again', async () => {
  const market = await openMarket({});
  const url = `${market.url}/v1`;
  const scene = await openOn(await warmHome(), market, {
    env: { XAI_API_KEY: 'x', XAI_API_URL: url },
    timeScale: 1 / 3000,
  });
  const { laptop } = scene;
  await importPortfolios(laptop.stores.tables, laptop.stores.config, [
    { portfolio: 'core', positions: [{ symbol: 'AAPL', quantity: 5 }] },
  ]);
  const asked = () => market.requests.filter(({ method }) => method === 'POST').length;
  const run = async (...misbehave: string[]) => {
    market.misbehave(misbehave);
    const before = asked();
    const outcome = await byHand(scene, { force: true });
    return { ...outcome, asked: asked() - before };
  };
  expect(await run('rate-limit@completions:2', 'server-error@deferred:1', 'slow-model:4')).toMatchObject({
    statuses: { core: 'analysed' },
    asked: 3,
  });
  expect(await run('truncated-json@deferred:3')).toMatchObject({ statuses: { core: 'analysed' } });
  expect(await run('refusal:1')).toMatchObject({ statuses: { core: 'analysed' }, asked: 2 });
  for (const [misbehaviour, name, times] of [
    ['no-credits', 'Vendor.NoCredits', 1],
    ['unauthorized@xai', 'Vendor.AuthFailed', 1],
    ['rate-limit@xai', 'Vendor.RateLimited', 7],
    ['cut-answer', 'Model.Truncated', 2],
    ['invalid-answer', 'Model.InvalidJson', 2],
    ['out-of-range', 'Model.OutOfRange', 2],
  ] as const) {
    const failed = await run(misbehaviour);
    expect([misbehaviour, failed.statuses.core, failed.asked]).toEqual([misbehaviour, 'failed', times]);
    expect(failed.reasons.join()).toContain(`${name}: portfolio "core"`);
  }
});

test('without portfolios a night ends as ever and the portfolio run says that it has nothing to do', async () => {
  const scene = await openOn(await warmHome(), await openMarket({}));
  const night = await scene.run(MORNING);
  expect(night.outcome.status).toBe('Succeeded');
  const [execution] = await scene.laptop.settled();
  expect(execution).toMatchObject({ status: 'SUCCEEDED', output: { status: 'Skipped' } });
  expect(await portfolioOutcomeOf(execution!, scene.laptop)).toMatchObject({
    status: 'Skipped',
    reasons: [expect.stringContaining('portfolios --import')],
  });
});
