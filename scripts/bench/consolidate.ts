import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { consolidate } from '../../src/lake/bronze/consolidate.ts';
import { FileLake } from '../../src/lake/file-lake.ts';
import { newSession, publishSession, symbolsOf, writeHistories } from './market.ts';

const [name = '', home = '', count = '0', rows = '0', runs = '1'] = process.argv.slice(2);
const symbols = symbolsOf(Number(count));

interface Figure {
  name: string;
  value: number;
  unit: string;
}

const CASES: Record<string, () => Promise<Figure[]>> = { local };

async function local(): Promise<Figure[]> {
  const lake = new FileLake(pathToFileURL(join(home, 'local')).href);
  await writeHistories(lake, symbols, Number(rows));
  const speeds: number[] = [];
  for (let run = 0; run < Number(runs); run++) {
    await publishSession(lake, symbols, newSession(run));
    const summary = await consolidate(lake, { mode: 'incremental', maxWorkers: 10, runId: 'bench' });
    if (summary.added !== symbols.length) throw new Error(JSON.stringify(summary));
    process.stderr.write(`${JSON.stringify({ seconds: summary.seconds })}\n`);
    speeds.push(symbols.length / summary.seconds);
  }
  rmSync(join(home, 'local'), { recursive: true });
  return [{ name: 'consolidate_symbols_per_s', value: median(speeds), unit: 'symbols/s' }];
}

function median(values: number[]): number {
  return values.sort((a, b) => a - b)[Math.floor(values.length / 2)]!;
}

process.stdout.write(JSON.stringify(await CASES[name]!()));
