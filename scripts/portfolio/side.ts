import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { CreateTableCommand, DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { sessionAt, sessionNumber } from '../../src/calendar/calendar.ts';
import { loadConfig } from '../../src/config.ts';
import { FileLake } from '../../src/lake/file-lake.ts';
import { claimLake, keys } from '../../src/lake/lake.ts';
import { encodeBars } from '../../src/lake/session-files.ts';
import { startTables } from '../../src/local/aws/dynamodb.ts';
import { randomCredentials } from '../../src/local/aws/signature.ts';
import { importPortfolios } from '../../src/local/portfolio-service.ts';
import { readBook } from '../../src/portfolio/holdings.ts';
import { planPortfolios } from '../../src/portfolio/portfolio-run.ts';
import { computeTickers, updateTickerData } from '../../src/portfolio/update-ticker-data.ts';
import type { Bar } from '../../src/records/bar.ts';
import { createTableInput } from '../../src/tables/definitions.ts';
import { openTables } from '../../src/tables/runs.ts';

/**
 * One measurement: `symbols` held tickers with `rows` bars each, on files and dynalite in this same process. Prints
 * seconds of reading and computing alone, of a first run with its writes, and of a repeated one.
 */
const SESSION = '2025-11-19';
const [symbols = 5400, rows = 2000] = process.argv.slice(2).map(Number);
const folder = mkdtempSync(join(tmpdir(), 'afterbell-bench-portfolio-'));

/** The bars of every symbol; only their name differs, as making them takes longer than what is measured. */
const bars = Array.from({ length: rows }, (_, i): Bar => {
  const close = Math.round(1e4 * (50 + 20 * Math.sin(i / 30) + ((i * 7919) % 101) / 50)) / 1e4;
  const prices = { open: close, high: close, low: close, close, volume: 1000 + i, vwap: close, transactions: 10 };
  const date = sessionAt(sessionNumber(SESSION) - rows + 1 + i);
  return { symbol: '', date, ...prices, source: 'practice', ingestedAt: '2025-11-20T09:00:00.000Z' };
});

function history(symbol: string): Uint8Array {
  for (const bar of bars) bar.symbol = symbol;
  return encodeBars(bars);
}

async function seconds(work: () => Promise<unknown>): Promise<number> {
  const begun = performance.now();
  await work();
  return (performance.now() - begun) / 1000;
}

const credentials = randomCredentials();
const server = await startTables({ path: join(folder, 'tables'), credentials });
try {
  const lake = new FileLake(pathToFileURL(join(folder, 'lake')).href);
  await claimLake(lake, 'practice');
  const names = Array.from({ length: symbols }, (_, i) => `S${i.toString(36).toUpperCase()}X`);
  for (const name of names) await lake.write(keys.symbol(name), history(name));
  const plain = new DynamoDBClient({
    endpoint: server.url,
    region: 'us-east-1',
    credentials,
  });
  const tables = openTables(plain);
  const config = loadConfig({});
  await plain.send(new CreateTableCommand(createTableInput('ticker-data', config.TICKER_DATA_TABLE)));
  const positions = names.map((symbol) => ({ symbol, quantity: 1 }));
  await importPortfolios(tables, config, [{ portfolio: 'market', positions }]);
  const book = (await readBook(tables, config))!;
  const at = { runId: 'bench', session: SESSION, timestamp: `${SESSION}T21:00:00Z`, after: null, hasKey: false };
  const { chunks } = planPortfolios({ ...at, input: { force: false }, book, known: new Map(), analysed: new Set() });
  const run = async () => {
    let written = 0;
    for (const chunk of chunks) {
      written += (await updateTickerData({ session: SESSION, chunk, only: null }, { config, lake, tables })).written;
    }
    return written;
  };
  const compute = await seconds(() => computeTickers(lake, names, SESSION, config.MAX_WORKERS));
  let [first, again] = [0, 0];
  const firstSeconds = await seconds(async () => {
    first = await run();
  });
  const againSeconds = await seconds(async () => {
    again = await run();
  });
  if (first !== symbols || again !== 0) throw new Error(`wrote ${first}, then ${again}`);
  const peakGb = process.resourceUsage().maxRSS / 1e6;
  console.log(JSON.stringify({ compute, firstSeconds, againSeconds, peakGb, calls: chunks.length }));
} finally {
  await server.close();
  rmSync(folder, { recursive: true, force: true });
}
