/** Bundles the check of AWS itself and runs it: `node scripts/check-aws.mjs STAGE`, as `make check-aws` does. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundle } from './bundle.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const scratch = mkdtempSync(join(tmpdir(), 'afterbell-check-aws-'));
try {
  const program = join(scratch, 'check-aws.mjs');
  await bundle(`${root}scripts/check-aws/main.ts`, program);
  const cases = process.env.CONFORMANCE_CASES ?? join(root, '../shared/conformance');
  const { status } = spawnSync(process.execPath, [program, root, cases, process.argv[2] ?? ''], { stdio: 'inherit' });
  process.exitCode = status ?? 1;
} finally {
  rmSync(scratch, { recursive: true });
}
