import { execFile, execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { generateMarket } from '../../src/local/market/generator.ts';
import { startMarket } from '../../src/local/market/start-market.ts';
import { scratch } from '../nights/scene.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const PRODUCT = ['src', 'functions', 'batch-images', 'scripts', 'state-machines', 'terraform', 'package.json'];
const SESSION = '2025-11-19';
/** Answers of the endpoint, over two pages, the last row without a usable value. */
const PAGES = [
  [row('AAPL', 142_000_000, 2.4), row('S0001', 10_000, 1.5)],
  [row('S0002', 500, 0.5), { ...row('S0003', 1, 1), short_interest: 'many' }],
];

function row(ticker: string, short_interest: number, days_to_cover: number) {
  return { ticker, settlement_date: '2025-11-14', short_interest, days_to_cover };
}

interface Step {
  path: string;
  code: string;
  /** Where the code goes, by the text that is there; none for a new file. */
  at?: { how: 'after' | 'before' | 'in place of'; text: string };
}

/** What the page tells to do, in order: each block of code with the sentence before it. */
function stepsOf(page: string): Step[] {
  const blocks = page.matchAll(/\n(`[^`]+`[^\n]*|In `[^`]+`,[^\n]*)(?:\n(?!```)[^\n]+)*\n\n```\w+\n([\s\S]*?)```/g);
  return [...blocks].map(([, sentence = '', code = '']) => {
    const change = /^In `([^`]+)`, (after|before|in place of) `(.*)`:$/.exec(sentence);
    if (!change) return { path: /^`([^`]+)`/.exec(sentence)![1]!, code };
    return { path: change[1]!, code, at: { how: change[2] as 'after', text: change[3]! } };
  });
}

function carryOut(folder: string, { path, code, at }: Step): void {
  const file = join(folder, path);
  if (at === undefined) {
    expect(existsSync(file), path).toBe(false);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, code);
    return;
  }
  const before = readFileSync(file, 'utf8');
  const place = at.how === 'in place of' ? at.text : `${at.text}\n`;
  // A page that names a text which is not there, or is there twice, would lead a reader astray.
  expect(before.split(place), `${path}: ${at.text}`).toHaveLength(2);
  const written = { after: `${place}${code}`, before: `${code}${place}`, 'in place of': code.trimEnd() }[at.how];
  writeFileSync(
    file,
    before.replace(place, () => written),
  );
}

/** The practice market with one endpoint more. */
async function marketWith(answer: (url: URL) => object): Promise<string> {
  const market = await startMarket({ source: generateMarket({ symbols: 60, seed: 1 }) });
  const pass = async (request: IncomingMessage, response: ServerResponse) => {
    const url = new URL(request.url ?? '/', market.url);
    if (url.pathname === '/stocks/v1/short-interest') {
      response.setHeader('content-type', 'application/json').setHeader('x-afterbell-practice', 'true');
      return void response.end(JSON.stringify(answer(url)));
    }
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const headers = Object.fromEntries(
      Object.entries(request.headers).filter(([name]) => !['host', 'connection', 'content-length'].includes(name)),
    ) as Record<string, string>;
    const body = chunks.length > 0 ? { body: Buffer.concat(chunks) } : {};
    const passed = await fetch(url, { method: request.method!, headers, ...body });
    for (const [name, value] of passed.headers) {
      if (!['content-encoding', 'content-length', 'transfer-encoding', 'connection'].includes(name))
        response.setHeader(name, value);
    }
    response.writeHead(passed.status).end(Buffer.from(await passed.arrayBuffer()));
  };
  const server = createServer((request, response) => void pass(request, response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    await market.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

test('a new reference list takes the seven files that the page shows, and a night publishes it', {
  timeout: 1_800_000,
}, async () => {
  const copy = scratch();
  onTestFinished(() => rmSync(copy, { recursive: true, force: true }));
  for (const name of PRODUCT) cpSync(join(root, name), join(copy, name), { recursive: true });
  symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'));
  const page = readFileSync(join(root, 'docs/add-a-dataset.md'), 'utf8');
  const steps = stepsOf(page);
  for (const step of steps) carryOut(copy, step);
  const touched = [...new Set(steps.map(({ path }) => path))];
  expect(touched).toHaveLength(7);

  execFileSync(process.execPath, ['scripts/build.mjs'], { cwd: copy, stdio: ['ignore', 'ignore', 'inherit'] });
  const url = await marketWith(({ searchParams }) => {
    const number = Number(searchParams.get('cursor') ?? 0);
    return {
      status: 'OK',
      results: PAGES[number],
      ...(number === 0 ? { next_url: 'https://api.example/stocks/v1/short-interest?cursor=1' } : {}),
    };
  });
  const env = {
    PATH: process.env.PATH,
    AFTERBELL_HOME: join(copy, 'home'),
    HISTORY_SESSIONS: '0',
    SYMBOLS: '60',
    AFTERBELL_NOW: '2025-11-20T13:00:00Z',
    POLYGON_BASE_URL: url,
    POLYGON_API_KEY: 'x',
  };
  const cli = join(copy, 'dist/cli/afterbell.mjs');
  // Not waited for synchronously: the market answers from this process.
  const run = (...args: string[]) =>
    new Promise<string>((resolve, reject) => {
      execFile(process.execPath, [cli, ...args], { cwd: copy, env }, (error, stdout) => {
        if (error && args[0] !== 'night') reject(error);
        else resolve(stdout);
      });
    });
  const night = JSON.parse(await run('night', '--session', SESSION, '--json')) as { datasets: { name: string }[] };
  expect(night.datasets.find(({ name }) => name === 'short_interest')).toMatchObject({
    task: 'sync-short-interest',
    status: 'success',
    rows: 3,
    rejected: 1,
  });
  const rows = await run(
    'query',
    '--json',
    'SELECT symbol, settlement_date, short_interest FROM short_interest ORDER BY symbol',
  );
  expect(JSON.parse(rows)).toEqual([
    { symbol: 'AAPL', settlement_date: '2025-11-14', short_interest: 142_000_000 },
    { symbol: 'S0001', settlement_date: '2025-11-14', short_interest: 10_000 },
    { symbol: 'S0002', settlement_date: '2025-11-14', short_interest: 500 },
  ]);
  // The same list again: the lake says what is known, and nothing of it has changed.
  const again = JSON.parse(await run('run', 'sync-short-interest', '--json')) as { datasets: { name: string }[] };
  expect(again.datasets[0]).toMatchObject({ name: 'short_interest', status: 'success', rows: 3, new: 0, changed: 0 });
  const commands = [...page.matchAll(/`npx afterbell ([^`]+)`/g)].map(([, command]) => command!);
  expect(commands).toHaveLength(2);
  for (const command of commands) {
    const answer = await run(...command.match(/"[^"]*"|\S+/g)!.map((part) => part.replace(/^"|"$/g, '')));
    expect(answer).toMatch(command.startsWith('query') ? /AAPL/ : /^Succeeded: /m);
  }
});
