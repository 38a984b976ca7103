// Measures ticker data of 5,400 held tickers, 2,000 bars each, in a process of its own; merged into bench-results.json.
// BENCH_SYMBOLS (5400), BENCH_ROWS (2000) and BENCH_RUNS (3) make it smaller; every figure is the median of the runs.
import { spawn } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundle } from './bundle.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const program = join(root, 'dist/bench/portfolio.mjs');
const { BENCH_SYMBOLS: symbols = '5400', BENCH_ROWS: rows = '2000', BENCH_RUNS: runs = '3' } = process.env;
const command = 'node scripts/bench-portfolio.mjs';

await bundle(join(root, 'scripts/portfolio/side.ts'), program);

function measure() {
  const child = spawn(process.execPath, [program, symbols, rows], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { PATH: process.env.PATH, AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true' },
  });
  let output = '';
  child.stdout.on('data', (text) => {
    output += text;
  });
  return new Promise((resolve, reject) => {
    child.once('close', (code) => (code === 0 ? resolve(JSON.parse(output)) : reject(new Error(output))));
  });
}

const measured = [];
for (let i = 0; i < Number(runs); i++) measured.push(await measure());
const median = (name) => measured.map((one) => one[name]).sort((a, b) => a - b)[Math.floor(measured.length / 2)];
const figures = [
  ['ticker_data_compute_per_second', Number(symbols) / median('compute'), 'tickers/s'],
  ['ticker_data_first_seconds', median('firstSeconds'), 's'],
  ['ticker_data_again_seconds', median('againSeconds'), 's'],
  ['ticker_data_peak_gb', median('peakGb'), 'GB'],
];
const results = figures.map(([name, value, unit]) => ({ name, value: Number(value.toFixed(3)), unit, command }));
for (const { name, value, unit } of results) console.log(`${name.padEnd(36)} ${value.toFixed(2)} ${unit}`);

const file = join(root, 'bench-results.json');
const fresh = new Set(results.map(({ name }) => name));
const others = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')).filter(({ name }) => !fresh.has(name)) : [];
writeFileSync(file, `${JSON.stringify([...others, ...results], null, 2)}\n`);
