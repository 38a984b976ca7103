import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const script = fileURLToPath(new URL('../../scripts/conformance.mjs', import.meta.url));

test('the engine answers as Step Functions did, or refuses to load what it does not carry out', () => {
  const { status, stdout, stderr } = spawnSync(process.execPath, [script], { encoding: 'utf8' });
  if (stderr !== '') process.stderr.write(stderr);
  expect({ status, stdout, stderr }).toMatchObject({ status: 0 });
  if (stdout === '') return;
  console.log(stdout.trim());
  expect(stdout).toMatch(/^\d+ cases: [1-9]\d* agree, \d+ refused at load, 0 differ$/m);
});

test('cases that are absent are a failure where everything has to run, and said elsewhere', () => {
  const run = (REQUIRE_ALL: string) =>
    spawnSync(process.execPath, [script], {
      encoding: 'utf8',
      env: { ...process.env, CONFORMANCE_CASES: '/nowhere', REQUIRE_ALL },
    });
  expect(run('1').status).toBe(1);
  expect(run('')).toMatchObject({ status: 0, stderr: expect.stringMatching(/^SKIPPED: .*CONFORMANCE_CASES/) });
});
