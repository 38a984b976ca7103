import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { portfolioOutcomeOf } from '../../src/cli/portfolio-outcome.ts';
import { loadConfig } from '../../src/config.ts';
import { importPortfolios } from '../../src/local/portfolio-service.ts';
import { openMarket, openOn, warmHome } from '../nights/scene.ts';

interface Run {
  name: string;
  input: { env?: Record<string, string>; portfolios: number; billedUsd: number | null; unusable?: boolean };
  expected: { asked?: number; askedAtMost?: number; failed?: number; reason?: string; spending?: object | null };
}
const inputs = JSON.parse(readFileSync(new URL('budget.json', import.meta.url), 'utf8')) as {
  runs: Run[];
  settings: { name: string; input: string; expected: string }[];
};

const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0)) close();
});

/** Answers at once, and bills what the row says. */
async function openModel({ billedUsd, unusable }: Run['input']) {
  const model = { url: '', asked: 0 };
  const server = createServer(async (request, response) => {
    for await (const _ of request);
    model.asked += 1;
    const position = { symbol: 'AAPL', opportunity_score: 50, rationale: 'r', risks: [] };
    const content = JSON.stringify({ summary: 's', positions: unusable ? [] : [position] });
    const tokens = { prompt_tokens: 900, completion_tokens: 100, total_tokens: 1000 };
    const usage = billedUsd === null ? undefined : { ...tokens, cost_in_usd_ticks: billedUsd * 1e10 };
    const choices = [{ message: { content }, finish_reason: 'stop' }];
    response.writeHead(200, { 'x-afterbell-practice': 'generated', 'content-type': 'application/json' });
    response.end(JSON.stringify({ model: 'grok-4.3', choices, usage }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closers.push(() => {
    server.close();
    server.closeAllConnections();
  });
  model.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`;
  return model;
}

test.each(inputs.runs)('$name', async ({ input, expected }) => {
  const model = await openModel(input);
  const env = { XAI_API_KEY: 'x', XAI_API_URL: model.url, ...input.env };
  const { laptop } = await openOn(await warmHome(), await openMarket({}), { env });
  const portfolios = Array.from({ length: input.portfolios }, (_, place) => `p${place}`);
  const positions = [{ symbol: 'AAPL', quantity: 5 }];
  const { tables, config } = laptop.stores;
  await importPortfolios(
    tables,
    config,
    portfolios.map((portfolio) => ({ portfolio, positions })),
  );
  const outcome = await portfolioOutcomeOf(await laptop.run({}, { machine: 'portfolio', name: 'portfolio' }), laptop);
  const failed = outcome.portfolios.filter(({ status }) => status === 'failed').length;
  if (expected.asked !== undefined) {
    expect(model.asked).toBe(expected.asked);
    expect(failed).toBe(expected.failed ?? 0);
  }
  if (expected.askedAtMost !== undefined) expect(model.asked).toBeLessThanOrEqual(expected.askedAtMost);
  expect(outcome.status).toBe(failed > 0 ? 'Failed' : 'Succeeded');
  if (expected.reason) for (const reason of outcome.reasons) expect(reason).toContain(expected.reason);
  if (expected.spending !== undefined) expect(outcome.spending).toEqual(expected.spending);
});

test.each(inputs.settings)('a limit $name is refused by name', ({ input, expected }) => {
  expect(() => loadConfig({ XAI_MAX_USD: input })).toThrow(expect.objectContaining({ name: 'Config.Invalid' }));
  expect(() => loadConfig({ XAI_MAX_USD: input })).toThrow(expected);
});
