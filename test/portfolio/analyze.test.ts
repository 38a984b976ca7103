import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { NamedError } from '../../src/errors.ts';
import { claimLake } from '../../src/lake/lake.ts';
import { Analyses } from '../../src/portfolio/analyses.ts';
import { type AnalysisRequest, analyzePortfolio, type Step } from '../../src/portfolio/analyze-portfolio.ts';
import type { Message } from '../../src/portfolio/prompt.ts';
import { Spending } from '../../src/portfolio/spending.ts';
import { writeAll } from '../../src/tables/batch.ts';
import { type Completion, readCompletion, type Xai, type XaiAnswer } from '../../src/vendors/xai.ts';
import { openPortfolioTables, type PortfolioTables } from './portfolio-tables.ts';

const timestamp = '2025-11-19T21:00:00Z';
const request: AnalysisRequest = {
  runId: 'run-1',
  portfolio: 'mine',
  session: '2025-11-19',
  timestamp,
  force: false,
  polls: 0,
};
let tables: PortfolioTables;
beforeEach(async () => {
  const positions = ['AAPL', 'KIMpL', 'GONE', 'NOSUCH'].map((symbol) => ({ symbol, quantity: 10 }));
  tables = await openPortfolioTables([
    { portfolio: 'mine', positions },
    { portfolio: 'empty', positions: [{ symbol: 'NOSUCH', quantity: 1 }] },
  ]);
  const { config, client } = tables;
  const figures = { timestamp, rsi: 50, ma50: 9, asOf: '2025-11-19', bars: 300, price: 10 };
  await writeAll(
    client,
    config.TICKER_DATA_TABLE,
    ['AAPL', 'KIMpL', 'GONE'].map((ticker) => ({ ticker, ...figures })),
  );
  await writeAll(client, config.TICKERS_TABLE, [
    { symbol: 'AAPL', name: 'Apple Inc.', status: 'active' },
    { symbol: 'GONE', name: 'Gone Inc.', status: 'inactive' },
  ]);
});
afterEach(() => tables.close());

function completion(
  symbols: readonly string[],
  over: { content?: string; finish_reason?: string; score?: number } = {},
) {
  const position = (symbol: string) => ({ symbol, opportunity_score: over.score ?? 50, rationale: 'r', risks: [] });
  const content = over.content ?? JSON.stringify({ summary: 's', positions: symbols.map(position) });
  return readCompletion({
    model: 'grok-4.3',
    choices: [{ message: { content }, finish_reason: over.finish_reason ?? 'stop' }],
    usage: { prompt_tokens: 1000, completion_tokens: 100, total_tokens: 1200 },
  });
}
const good = () => completion(['AAPL', 'KIMpL']);

interface FakeModel extends Xai {
  asked: { messages: Message[]; max_completion_tokens: number }[];
  fetched: string[];
}

/** Answers each question with the next completion; an answer is 202 once, handed out once, then gone. */
function fakeModel(completions: readonly Completion[], practice = false): FakeModel {
  const left = [...completions];
  const answers = new Map<string, { looks: number; completion: Completion }>();
  const model: FakeModel = {
    asked: [],
    fetched: [],
    async submit(body): Promise<XaiAnswer> {
      model.asked.push(body as never);
      const requestId = `q${model.asked.length}`;
      answers.set(requestId, { looks: 0, completion: left.shift()! });
      return { requestId, practice };
    },
    async fetch(requestId): Promise<XaiAnswer> {
      model.fetched.push(requestId);
      const found = answers.get(requestId);
      if (!found) throw new NamedError('Vendor.NotFound', 'gone');
      found.looks += 1;
      if (found.looks === 1) return { practice };
      answers.delete(requestId);
      return { completion: found.completion, practice };
    },
  };
  return model;
}

/** Calls as the state machine does, until the step no longer waits. */
async function run(model: Xai, over: Partial<AnalysisRequest> = {}): Promise<Step[]> {
  const steps: Step[] = [];
  let polls = 0;
  do {
    steps.push(await analyzePortfolio({ ...request, ...over, polls }, tables.stores, () => model));
    polls = steps.at(-1)!.polls;
  } while (steps.at(-1)!.status === 'waiting');
  return steps;
}
const stored = () => new Analyses(tables.client, tables.config).stored('mine', timestamp);
const pending = () => new Analyses(tables.client, tables.config).pending('mine');

describe('one analysis', () => {
  test('is asked, waited for, stored with the model that served, tokens and cost, and left alone afterwards', async () => {
    const model = fakeModel([good()]);
    const steps = await run(model);
    expect(steps.map(({ status, waitSeconds }) => [status, waitSeconds])).toEqual([
      ['waiting', 5],
      ['waiting', 5],
      ['analysed', 0],
    ]);
    expect(await stored()).toMatchObject({
      portfolio: 'mine',
      timestamp,
      dataAsOf: '2025-11-19',
      model: 'grok-4.3',
      prompt: 'analysis-v1',
      tokens: { prompt: 1000, completion: 200 },
      costUsd: 0.00175,
      attempts: 1,
      practice: false,
      parsed_data: { summary: 's' },
      left: [
        { symbol: 'GONE', reason: 'delisted' },
        { symbol: 'NOSUCH', reason: 'unknown symbol' },
      ],
    });
    expect(JSON.parse((await stored())!.analysis)).toEqual((await stored())!.parsed_data);
    expect(await pending()).toBeUndefined();

    const before = await stored();
    const [again] = await run(model, { runId: 'run-2' });
    expect(again).toMatchObject({ status: 'unchanged', positions: 2 });
    expect(await stored()).toEqual(before);
    expect(model.asked).toHaveLength(1);
  });

  test('is made again when forced, once a run', async () => {
    const model = fakeModel([good(), good()]);
    await run(model);
    await run(model, { runId: 'run-2', force: true });
    expect((await stored())!.runId).toBe('run-2');
    await run(model, { runId: 'run-2', force: true });
    expect(model.asked).toHaveLength(2);
  });

  test('of a portfolio without a usable position is none, with the reason', async () => {
    const model = fakeModel([]);
    const [step] = await run(model, { portfolio: 'empty' });
    expect(step).toMatchObject({
      status: 'skipped',
      left: 1,
      reason: expect.stringContaining('NOSUCH: unknown symbol'),
    });
    expect(model.asked).toEqual([]);
  });
});

describe('an answer is paid for once', () => {
  test('a run that died while it waited is taken up by the next without another question', async () => {
    const model = fakeModel([good()]);
    await analyzePortfolio(request, tables.stores, () => model);
    expect((await run(model, { runId: 'run-2' })).at(-1)!.status).toBe('analysed');
    expect(model.asked).toHaveLength(1);
  });

  test('an answer that was fetched and not stored yet is read from where it was kept', async () => {
    const model = fakeModel([good()]);
    await analyzePortfolio(request, tables.stores, () => model);
    await analyzePortfolio(request, tables.stores, () => model);
    const analyses = new Analyses(tables.client, tables.config);
    const kept = (await pending())!;
    await analyses.savePending('mine', { ...kept, completion: good() });
    const [step] = await run(fakeModel([]));
    expect(step!.status).toBe('analysed');
  });

  test('an answer that is gone is asked for once more, and then fails by name', async () => {
    const model = fakeModel([good(), good()]);
    await analyzePortfolio(request, tables.stores, () => model);
    const gone: Xai = { ...model, fetch: async () => Promise.reject(new NamedError('Vendor.NotFound', 'gone')) };
    await analyzePortfolio(request, tables.stores, () => gone);
    expect(model.asked).toHaveLength(2);
    await expect(analyzePortfolio(request, tables.stores, () => gone)).rejects.toMatchObject({
      name: 'Vendor.NotFound',
    });
  });

  test('a question about other positions is another question', async () => {
    const model = fakeModel([good(), completion(['KIMpL'])]);
    await analyzePortfolio(request, tables.stores, () => model);
    const { config, client } = tables;
    await writeAll(client, config.PORTFOLIO_POSITIONS_TABLE, [{ portfolio: 'mine', symbol: 'AAPL', quantity: 0 }]);
    await run(model);
    expect(model.asked).toHaveLength(2);
    expect((await stored())!.parsed_data.positions.map(({ symbol }) => symbol)).toEqual(['KIMpL']);
  });

  test('a model that does not answer for half an hour is left, and its question kept', async () => {
    const model = fakeModel([good()]);
    await analyzePortfolio(request, tables.stores, () => model);
    const silent: Xai = { ...model, fetch: async () => ({ practice: false }) };
    const late = { ...request, polls: 100 };
    await expect(analyzePortfolio(late, tables.stores, () => silent)).rejects.toMatchObject({
      name: 'Vendor.Unavailable',
    });
    expect(await pending()).toMatchObject({ requestId: 'q1' });
  });
});

describe('what a run may spend', () => {
  const account = (runId: string) => new Spending(tables.client, tables.config).spent(runId);
  const dying: Xai = {
    submit: async () => Promise.reject(new NamedError('Vendor.Unavailable', 'the connection broke')),
    fetch: async () => Promise.reject(new Error('never asked')),
  };

  test('is set aside before the question, once however often the call is repeated, and then what was billed', async () => {
    const repeated = () => analyzePortfolio(request, tables.stores, () => dying);
    await expect(repeated()).rejects.toMatchObject({ name: 'Vendor.Unavailable' });
    const reserved = (await account('run-1'))!;
    expect(reserved).toMatchObject({ unsettled: 1, limitUsd: 5 });
    expect(reserved.spentUsd).toBeGreaterThan(0.0115);
    await expect(repeated()).rejects.toMatchObject({ name: 'Vendor.Unavailable' });
    expect(await account('run-1')).toEqual(reserved);

    const model = fakeModel([good()]);
    await analyzePortfolio(request, tables.stores, () => model);
    expect(await account('run-1')).toEqual(reserved);
    const asked = (await pending())!;
    await run(model);
    expect(await account('run-1')).toEqual({ spentUsd: 0.00175, limitUsd: 5, unsettled: 0 });
    // Killed before its answer was stored: what is settled is not settled again.
    await new Analyses(tables.client, tables.config).savePending('mine', { ...asked, completion: good() });
    await run(fakeModel([]), { timestamp: '2025-11-20T21:00:00Z' });
    expect(await account('run-1')).toEqual({ spentUsd: 0.00175, limitUsd: 5, unsettled: 0 });
  });

  test('is given back when the vendor refuses the call', async () => {
    const refusing: Xai = {
      ...dying,
      submit: async () => Promise.reject(new NamedError('Vendor.RateLimited', 'slow')),
    };
    await expect(analyzePortfolio(request, tables.stores, () => refusing)).rejects.toMatchObject({
      name: 'Vendor.RateLimited',
    });
    expect(await account('run-1')).toEqual({ spentUsd: 0, limitUsd: 5, unsettled: 0 });
  });

  test('is not lessened by what a killed run had set aside', async () => {
    const config = { ...tables.config, XAI_MAX_USD: 0.02 };
    const stores = { ...tables.stores, config };
    await expect(analyzePortfolio(request, stores, () => dying)).rejects.toMatchObject({ name: 'Vendor.Unavailable' });
    const next = { ...request, runId: 'run-2' };
    expect(await analyzePortfolio(next, stores, () => fakeModel([good()]))).toMatchObject({ status: 'waiting' });
    expect((await account('run-2'))!.unsettled).toBe(1);
  });
});

test('a run killed after it stored an answer leaves a question that the next step ends', async () => {
  const model = fakeModel([good()]);
  await analyzePortfolio(request, tables.stores, () => model);
  const asked = (await pending())!;
  await run(model);
  await new Analyses(tables.client, tables.config).savePending('mine', asked);
  expect(await run(model, { runId: 'run-2' })).toMatchObject([{ status: 'unchanged' }]);
  expect(await pending()).toBeUndefined();
});

describe('an unusable answer', () => {
  const cases: [string, Completion, string, boolean][] = [
    ['cut at the limit', completion(['AAPL'], { finish_reason: 'length' }), 'Model.Truncated', false],
    ['refused', completion([], { content: '' }), 'Model.Refused', false],
    ['no JSON', completion([], { content: 'Sure! {' }), 'Model.InvalidJson', true],
    ['about the wrong symbols', completion(['AAPL', 'MSFT']), 'Model.WrongSymbols', true],
    ['out of range', completion(['AAPL', 'KIMpL'], { score: 101 }), 'Model.OutOfRange', true],
  ];

  test.each(cases)('%s is fixed once, with the problem told', async (_, bad, name, quoted) => {
    const model = fakeModel([bad, good()]);
    const steps = await run(model);
    expect(steps.at(-1)!.status).toBe('analysed');
    expect(await stored()).toMatchObject({ attempts: 2, tokens: { prompt: 2000, completion: 400 }, costUsd: 0.0035 });
    const [first, second] = model.asked;
    expect(second!.messages.map(({ role }) => role)).toEqual(
      quoted ? ['system', 'user', 'assistant', 'user'] : ['system', 'user', 'user'],
    );
    expect(second!.messages.at(-1)!.content).toContain(name);
    expect(second!.max_completion_tokens).toBeGreaterThan(first!.max_completion_tokens);
  });

  test.each(cases)('%s twice fails by name, with the portfolio and what it cost', async (_, bad, name) => {
    const model = fakeModel([bad, bad]);
    const error = (await run(model).catch((thrown: Error) => thrown)) as Error;
    expect(error.name).toBe(name);
    expect(error.message).toMatch(/^portfolio "mine": .*two answers of grok-4\.3, 2400 tokens, \$0\.0035/);
    expect(model.asked).toHaveLength(2);
    expect([await stored(), await pending()]).toEqual([undefined, undefined]);
  });
});

test('two answers of which one has no cost anyone knows have none together', async () => {
  await run(fakeModel([{ ...completion(['AAPL']), model: 'grok-4.5-fast' }, good()]));
  expect(await stored()).toMatchObject({ attempts: 2, costUsd: null });
});

test('a made-up answer is stored as such, and never for real data', async () => {
  await claimLake(tables.lake, 'practice');
  await run(fakeModel([good()], true));
  expect((await stored())!.practice).toBe(true);

  const real = await openPortfolioTables([{ portfolio: 'mine', positions: [{ symbol: 'AAPL', quantity: 1 }] }]);
  try {
    await claimLake(real.lake, 'real');
    await writeAll(real.client, real.config.TICKER_DATA_TABLE, [
      { ticker: 'AAPL', timestamp, price: 1, rsi: null, ma50: null, asOf: '2025-11-19', bars: 1 },
    ]);
    const model = fakeModel([completion(['AAPL'])], true);
    await expect(analyzePortfolio(request, real.stores, () => model)).rejects.toMatchObject({ name: 'Lake.WrongKind' });
    expect(await real.items(real.config.PORTFOLIO_ANALYSES_TABLE)).toEqual([]);
  } finally {
    await real.close();
  }
});
