// The same bars of six intervals from the same files by DuckDB's best statement, polars, pandas and afterbell, each in a
// process of its own; then their rows are compared with ours. BENCH_SYMBOLS (5419) for a quick look, BENCH_DIR names
// the folder. Python packages come from scripts/peers/requirements.txt, in an environment under node_modules/.cache.
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundle } from './bundle.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const program = join(root, 'dist/bench/resample.mjs');
const environment = join(root, 'node_modules/.cache/python/peers');
const python = join(environment, 'bin/python3');

async function run(command, args) {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  let output = '';
  child.stdout.on('data', (text) => {
    output += text;
  });
  const code = await new Promise((resolve) => child.once('close', resolve));
  if (code !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${code}`);
  return output;
}

await bundle(join(root, 'scripts/resample/side.ts'), program);
await bundle(join(root, 'batch-images/resampler/thread.ts'), join(root, 'dist/bench/thread.mjs'));
const packages = join(root, 'scripts/peers/requirements.txt');
if (!existsSync(join(environment, 'complete'))) {
  await run('python3', ['-m', 'venv', environment]);
  await run(python, ['-m', 'pip', 'install', '--quiet', '-r', packages]);
  writeFileSync(join(environment, 'complete'), '');
}
const folder = mkdtempSync(join(process.env.BENCH_DIR ?? tmpdir(), 'afterbell-peers-'));
const side = async (...args) => JSON.parse(await run(process.execPath, [program, folder, ...args]));
const peer = async (name) =>
  JSON.parse(await run(python, [join(root, 'scripts/peers/peers.py'), folder, name, join(folder, name)]));
try {
  const { bars } = await side('generate', process.env.BENCH_SYMBOLS ?? '5419');
  await side('calendar');
  const results = {
    afterbell: { version: process.version, ...(await side('full')) },
    duckdb: await side('best'),
    polars: await peer('polars'),
    pandas: await peer('pandas'),
  };
  console.log(`${bars} bars`);
  console.log('peer       version       seconds  CPU-seconds  peak GB  our rows that it lacks, rows besides');
  for (const [name, { version, seconds, cpuSeconds, peakGb }] of Object.entries(results)) {
    const found = name === 'afterbell' ? undefined : await side('differences', name === 'duckdb' ? 'best' : name);
    const figures = [seconds.toFixed(1).padStart(7), cpuSeconds.toFixed(1).padStart(11), peakGb.toFixed(2).padStart(7)];
    console.log(
      `${name.padEnd(10)} ${version.padEnd(12)} ${figures.join('  ')}  ${found ? `${found.lacks}, ${found.besides}` : ''}`,
    );
    if (found && found.lacks + found.besides > 0) process.exitCode = 1;
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
