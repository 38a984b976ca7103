// Measures the resampler as ratios against three ways to do it in SQL, on a generated market; every side in a process of
// its own, medians of three. BENCH_SYMBOLS (5419) for a quick look, BENCH_ORIGINAL=0 leaves the five minutes of the
// original query out, BENCH_DIR names the folder. Results are merged into bench-results.json.
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundle } from './bundle.mjs';

const COMMAND = 'node scripts/bench-resample.mjs';
const symbols = process.env.BENCH_SYMBOLS ?? '5419';
const root = fileURLToPath(new URL('..', import.meta.url));
const program = join(root, 'dist/bench/resample.mjs');

await bundle(join(root, 'scripts/resample/side.ts'), program);
await bundle(join(root, 'batch-images/resampler/thread.ts'), join(root, 'dist/bench/thread.mjs'));

async function run(folder, side, argument = '0') {
  const child = spawn(process.execPath, [program, folder, side, argument], { stdio: ['ignore', 'pipe', 'inherit'] });
  let output = '';
  child.stdout.on('data', (text) => {
    output += text;
  });
  const code = await new Promise((resolve) => child.once('close', resolve));
  if (code !== 0) throw new Error(`${side} ended with ${code}`);
  const result = JSON.parse(output);
  console.log(`  ${side.padEnd(10)} ${JSON.stringify(result)}`);
  return result;
}

const median = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];
const results = [];
const note = (name, value, unit) => {
  results.push({ name, value: Number(value.toFixed(3)), unit, command: COMMAND });
  console.log(`${name.padEnd(36)} ${value.toFixed(2)} ${unit}`);
};

const folder = mkdtempSync(join(process.env.BENCH_DIR ?? tmpdir(), 'afterbell-resample-'));
try {
  await run(folder, 'generate', symbols);
  const full = [];
  const naive = [];
  const best = [];
  // In turns, so that a slow minute of the machine meets both.
  for (let i = 0; i < 3; i++) {
    naive.push(await run(folder, 'naive'));
    best.push(await run(folder, 'best'));
    full.push(await run(folder, 'full'));
  }
  const nights = [];
  for (const night of ['1', '2', '3']) nights.push(await run(folder, 'night', night));
  const split = await run(folder, 'split', symbols);
  const seconds = (runs) => median(runs.map((one) => one.seconds));
  // Of a machine that does other things, too, processor seconds say more than those of the clock.
  const cpu = (runs) => median(runs.map((one) => one.cpuSeconds));
  const compare = (name, theirs, runs) => {
    note(name, seconds(theirs) / seconds(runs), 'x');
    note(`${name}_cpu`, cpu(theirs) / cpu(runs), 'x');
  };
  note('resample_full_seconds', seconds(full), 's');
  note('resample_full_cpu_seconds', cpu(full), 's');
  compare('resample_full_vs_best_duckdb', best, full);
  compare('resample_full_vs_naive_sql', naive, full);
  note('resample_incremental_seconds', seconds(nights), 's');
  note('resample_incremental_cpu_seconds', cpu(nights), 's');
  compare('resample_incremental_vs_naive_sql', naive, nights);
  note('resample_incremental_files', Math.max(...nights.map(({ files }) => files)), 'files');
  note('resample_split_night_seconds', split.seconds, 's');
  note('resample_split_night_files', split.files, 'files');
  note('resample_peak_gb', Math.max(...[...full, ...nights, split].map(({ peakGb }) => peakGb)), 'GB');
  if (process.env.BENCH_ORIGINAL !== '0') {
    const original = await run(folder, 'original');
    compare('resample_full_vs_original_sql', [original], full);
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}

const path = join(root, 'bench-results.json');
const names = new Set(results.map(({ name }) => name));
const others = existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')).filter(({ name }) => !names.has(name)) : [];
writeFileSync(path, `${JSON.stringify([...others, ...results], null, 2)}\n`);
