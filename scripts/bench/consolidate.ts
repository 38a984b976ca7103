import { fork } from 'node:child_process';
import { renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { DuckDBInstance } from '@duckdb/node-api';
import { consolidate } from '../../src/jobs/consolidate/consolidate.ts';
import { FileLake } from '../../src/lake/file-lake.ts';
import { keys, type Lake } from '../../src/lake/lake.ts';
import { encodeRows } from '../../src/lake/parquet.ts';
import { openS3Client, S3Lake } from '../../src/lake/s3-lake.ts';
import { startLoopbackS3 } from './loopback-s3.ts';
import { newSession, ORIGINAL_COLUMNS, publishSession, symbolsOf, writeHistories } from './market.ts';
import perSymbol from './per-symbol.sql';

const [name = '', home = '', count = '0', rows = '0', runs = '1'] = process.argv.slice(2);
const symbols = symbolsOf(Number(count));
const [length, rounds] = [Number(rows), Number(runs)];
/** DuckDB's rate does not depend on how many symbols there are, and it is slow. */
const FOR_DUCKDB = 300;
const DELAY_MS = 40;
const IN_FLIGHT = 192;

interface Figure {
  name: string;
  value: number;
  unit: string;
}

const CASES: Record<string, () => Promise<Figure[]>> = { local, original, s3, serve };

/** One new session on top of histories, on the local disk, against DuckDB doing the same symbol by symbol. */
async function local(): Promise<Figure[]> {
  const lake = new FileLake(pathToFileURL(join(home, 'local')).href);
  await writeHistories(lake, symbols, length);
  const ours: number[] = [];
  for (let round = 0; round < rounds; round++) {
    await publishSession(lake, symbols, newSession(round));
    ours.push(await consolidated(lake, 10));
  }
  const peak = peakGb();
  const theirs: number[] = [];
  for (let round = 0; round < rounds; round++) theirs.push(await byDuckDb(lake, newSession(rounds + round)));
  rmSync(join(home, 'local'), { recursive: true });
  return [
    { name: 'consolidate_symbols_per_s', value: median(ours), unit: 'symbols/s' },
    { name: 'consolidate_vs_duckdb_per_symbol', value: median(ours) / median(theirs), unit: 'x' },
    { name: 'consolidate_peak_gb', value: peak, unit: 'GB' },
  ];
}

async function byDuckDb(lake: FileLake, date: string): Promise<number> {
  const some = symbols.slice(0, FOR_DUCKDB);
  await publishSession(lake, symbols, date);
  const instance = await DuckDBInstance.create(':memory:');
  const connection = await instance.connect();
  const started = performance.now();
  await connection.run(`CREATE TEMP TABLE news AS FROM read_parquet('${lake.path(keys.session(date))}')`);
  for (const symbol of some) {
    const history = lake.path(keys.symbol(symbol));
    const scratch = join(home, 'scratch.parquet');
    const values: Record<string, string> = { history, symbol, scratch };
    await connection.run(perSymbol.replace(/\$(\w+)/g, (_, word: string) => values[word]!));
    renameSync(scratch, history);
  }
  const seconds = (performance.now() - started) / 1000;
  connection.closeSync();
  instance.closeSync();
  return some.length / seconds;
}

/** A lake of the original layout: one one-row file a symbol, of one day, on top of nothing. */
async function original(): Promise<Figure[]> {
  const speeds: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const lake = new FileLake(pathToFileURL(join(home, `original-${round}`)).href);
    const date = newSession(round);
    for (const [i, symbol] of symbols.entries()) {
      const [open, high, low, close] = [20 + i / 100, 22 + i / 100, 19 + i / 100, 21 + i / 100];
      const row = { symbol, open, high, low, close, volume: 1000 + i, timestamp: `${date}T00:00:00Z`, interval: '1d' };
      await lake.write(keys.symbolDate(symbol, date), encodeRows(ORIGINAL_COLUMNS, [row]));
    }
    speeds.push(await consolidated(lake, 10));
    rmSync(join(home, `original-${round}`), { recursive: true });
  }
  return [{ name: 'consolidate_original_layout_symbols_per_s', value: median(speeds), unit: 'symbols/s' }];
}

/** The same as the first, against an S3 in another process that takes its time. */
async function s3(): Promise<Figure[]> {
  const server = fork(fileURLToPath(import.meta.url), ['serve'], { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
  try {
    const endpoint = await new Promise<string>((resolve) => server.once('message', (url) => resolve(String(url))));
    const credentials = { accessKeyId: 'bench', secretAccessKey: 'bench' };
    const lake = new S3Lake(
      's3://bench',
      openS3Client({ endpoint, region: 'us-east-1', credentials, forcePathStyle: true }),
    );
    await writeHistories(lake, symbols, length, IN_FLIGHT);
    const speeds: number[] = [];
    for (let round = 0; round < rounds; round++) {
      await publishSession(lake, symbols, newSession(round));
      speeds.push(await consolidated(lake, IN_FLIGHT));
    }
    return [{ name: `consolidate_s3_${DELAY_MS}ms_symbols_per_s`, value: median(speeds), unit: 'symbols/s' }];
  } finally {
    server.disconnect();
  }
}

async function serve(): Promise<Figure[]> {
  const server = await startLoopbackS3(DELAY_MS);
  process.once('disconnect', () => process.exit(0));
  process.send!(server.url);
  return [];
}

/** Symbols a second, with every symbol's row added. */
async function consolidated(lake: Lake, maxWorkers: number): Promise<number> {
  const before = process.cpuUsage();
  const summary = await consolidate(lake, {
    mode: 'incremental',
    maxWorkers,
    runId: 'bench',
    adoptedPrices: 'unadjusted',
  });
  if (summary.added !== symbols.length) throw new Error(JSON.stringify(summary).slice(0, 1000));
  const cpu = process.cpuUsage(before);
  process.stderr.write(
    `  ${name}: ${summary.seconds.toFixed(2)} s, ${((cpu.user + cpu.system) / 1e6).toFixed(2)} CPU-seconds\n`,
  );
  return summary.symbolsPerSecond;
}

function peakGb(): number {
  return process.resourceUsage().maxRSS / 1e6;
}

function median(values: number[]): number {
  return values.sort((a, b) => a - b)[Math.floor(values.length / 2)]!;
}

const figures = await CASES[name]!();
if (name !== 'serve') {
  process.stdout.write(JSON.stringify(figures));
  process.exitCode = 0;
}
