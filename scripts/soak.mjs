// Runs practice nights one after the other with random readers, signals and a second writer, and checks that memory,
// open files, disk and temporary files stay bounded: exit 1 when one does not. Needs Linux (/proc) and `make build`.
// Usage: node scripts/soak.mjs [NIGHTS] [SEED]; every sample is also written to soak-results.json.
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundle } from './bundle.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const folder = join(root, 'dist/soak');

if (!existsSync('/proc/self/status')) {
  console.log('SKIPPED: processes are watched in /proc, which this system has not');
  process.exit(0);
}
mkdirSync(folder, { recursive: true });
await bundle(join(root, 'scripts/soak/soak.ts'), join(folder, 'soak.mjs'));
const child = spawn(process.execPath, [join(folder, 'soak.mjs'), root, ...process.argv.slice(2)], { stdio: 'inherit' });
// The soak ends what it started itself.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
child.once('close', (code) => process.exit(code ?? 1));
