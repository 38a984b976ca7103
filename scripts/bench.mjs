// Measures a 5,400-symbol night: seconds, and the peak of the process tree's summed resident size.
// Usage: node scripts/bench.mjs [SYMBOLS]; also written to bench-results.json as [{name, value, unit, command}].
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const SAMPLE_MS = 100;
const PAGE_BYTES = 4096;
const symbols = process.argv[2] ?? '5400';
const root = fileURLToPath(new URL('..', import.meta.url));
const program = join(root, 'dist/cli/afterbell.mjs');

if (!existsSync('/proc/self/statm')) {
  console.log('SKIPPED: peak memory is read from /proc, which this system has not');
  process.exit(0);
}

/** Resident bytes of a process and all its descendants, shared pages counted for each. */
function treeBytes(pid) {
  const children = new Map();
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const stat = readFileSync(`/proc/${name}/stat`, 'utf8');
      const parent = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
      children.set(parent, [...(children.get(parent) ?? []), Number(name)]);
    } catch {
      // It ended between the listing and the reading.
    }
  }
  let bytes = 0;
  for (const waiting = [pid]; waiting.length > 0; ) {
    const next = waiting.pop();
    waiting.push(...(children.get(next) ?? []));
    try {
      bytes += Number(readFileSync(`/proc/${next}/statm`, 'utf8').split(' ')[1]) * PAGE_BYTES;
    } catch {
      // As above.
    }
  }
  return bytes;
}

async function measure(args, env) {
  const begun = performance.now();
  const child = spawn(process.execPath, [program, ...args, '--json'], {
    env: { PATH: process.env.PATH, ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let peak = 0;
  const sampling = setInterval(() => {
    peak = Math.max(peak, treeBytes(child.pid));
  }, SAMPLE_MS);
  let output = '';
  child.stdout.on('data', (text) => {
    output += text;
  });
  const code = await new Promise((resolve) => child.once('close', resolve));
  clearInterval(sampling);
  if (code !== 0) throw new Error(`afterbell ${args.join(' ')} ended with ${code}: ${output}`);
  return { seconds: (performance.now() - begun) / 1000, peakGb: peak / 1e9, night: JSON.parse(output) };
}

const home = mkdtempSync(join(tmpdir(), 'afterbell-bench-'));
const results = [];
const note = (name, value, unit, command) => {
  results.push({ name, value: Number(value.toFixed(3)), unit, command });
  console.log(`${name.padEnd(28)} ${value.toFixed(2)} ${unit}`);
};
try {
  const env = { AFTERBELL_HOME: home, SYMBOLS: symbols, HISTORY_SESSIONS: '0' };
  const first = await measure(['night'], env);
  const command = `HISTORY_SESSIONS=0 make run SYMBOLS=${symbols}`;
  note('night_first_seconds', first.seconds, 's', command);
  note('night_first_peak_gb', first.peakGb, 'GB', command);
  const again = await measure(['night', '--session', first.night.session], env);
  note('night_again_seconds', again.seconds, 's', 'npx afterbell night --session …');
  note('night_again_peak_gb', again.peakGb, 'GB', 'npx afterbell night --session …');
  for (const { name, rows, seconds } of first.night.datasets)
    console.log(`  ${name}: ${rows} rows in ${seconds.toFixed(1)} s`);
} finally {
  rmSync(home, { recursive: true, force: true });
}
writeFileSync(join(root, 'bench-results.json'), `${JSON.stringify(results, null, 2)}\n`);
