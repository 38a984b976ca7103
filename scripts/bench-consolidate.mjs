// Measures the consolidator on generated data and merges its figures into bench-results.json.
// BENCH_SYMBOLS (5419), BENCH_ROWS (2000) and BENCH_RUNS (3) make it smaller; every figure is the median of the runs.
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundle } from './bundle.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const folder = join(root, 'dist/bench');
const home = mkdtempSync(join(tmpdir(), 'afterbell-bench-consolidate-'));
const { BENCH_SYMBOLS: symbols = '5419', BENCH_ROWS: rows = '2000', BENCH_RUNS: runs = '3' } = process.env;
const command = 'node scripts/bench-consolidate.mjs';

mkdirSync(folder, { recursive: true });
await bundle(join(root, 'scripts/bench/consolidate.ts'), join(folder, 'consolidate.mjs'));

/** One case in a process of its own, so that its peak memory is its own. */
function measure(name) {
  const child = spawn(process.execPath, [join(folder, 'consolidate.mjs'), name, home, symbols, rows, runs], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { PATH: process.env.PATH, AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true' },
  });
  let output = '';
  child.stdout.on('data', (text) => {
    output += text;
  });
  return new Promise((resolve, reject) => {
    child.once('close', (code) => (code === 0 ? resolve(JSON.parse(output)) : reject(new Error(`${name}: ${output}`))));
  });
}

const results = [];
try {
  for (const name of process.argv[2] ? [process.argv[2]] : ['local', 'original', 's3']) {
    for (const { name: figure, value, unit } of await measure(name)) {
      results.push({ name: figure, value: Number(value.toFixed(3)), unit, command });
      console.log(`${figure.padEnd(44)} ${value.toFixed(2)} ${unit}`);
    }
  }
} finally {
  rmSync(home, { recursive: true, force: true });
}
const file = join(root, 'bench-results.json');
const before = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : [];
const fresh = new Set(results.map(({ name }) => name));
writeFileSync(file, `${JSON.stringify([...before.filter(({ name }) => !fresh.has(name)), ...results], null, 2)}\n`);
