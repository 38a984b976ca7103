// Measures a first and an unchanged second sync of the reference tables and merges the figures into bench-results.json.
// BENCH_TICKERS (12000) and BENCH_ASSETS (11000) make it smaller.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundle } from './bundle.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const folder = join(root, 'dist/bench');
const home = mkdtempSync(join(tmpdir(), 'afterbell-bench-reference-'));
const { BENCH_TICKERS: tickers = '12000', BENCH_ASSETS: assets = '11000' } = process.env;
const command = 'node scripts/bench-reference.mjs';

mkdirSync(folder, { recursive: true });
await bundle(join(root, 'scripts/bench/reference.ts'), join(folder, 'reference.mjs'));

const results = [];
try {
  const env = { PATH: process.env.PATH, AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true' };
  const output = execFileSync(process.execPath, [join(folder, 'reference.mjs'), home, tickers, assets], { env });
  for (const { name, value, unit } of JSON.parse(output)) {
    results.push({ name, value: Number(value.toFixed(3)), unit, command });
    console.log(`${name.padEnd(44)} ${value.toFixed(2)} ${unit}`);
  }
} finally {
  rmSync(home, { recursive: true, force: true });
}
const file = join(root, 'bench-results.json');
const before = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : [];
const fresh = new Set(results.map(({ name }) => name));
writeFileSync(file, `${JSON.stringify([...before.filter(({ name }) => !fresh.has(name)), ...results], null, 2)}\n`);
