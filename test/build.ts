import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** Tests that run bundles want those of the sources as they are now; nothing changed, nothing built. */
export function setup(): void {
  execFileSync('make', ['--no-print-directory', 'build'], {
    cwd: fileURLToPath(new URL('..', import.meta.url)),
    stdio: 'inherit',
  });
}
