import { expect, test } from 'vitest';
import { afterbell, started } from './command.ts';
import { SESSION, THAT_MORNING, warmHome } from './scene.ts';

const WAITS = /Stage Session: waits 3\.0 s, then try 2: Vendor\.NotYetAvailable: /;

test('status names the night at work, and what a killed one before it left is no trouble meanwhile', async () => {
  const env = { AFTERBELL_HOME: await warmHome(), ...THAT_MORNING };
  const night = () => started(['night', '--session', SESSION, '--misbehave', 'before-end-of-day'], env);
  const killed = night();
  await expect.poll(killed.stderr).toMatch(WAITS);
  killed.child.kill('SIGKILL');
  await killed.ended;
  const left = await afterbell(['status'], env);
  expect(left.stdout).toMatch(/\n- the last night \(2025-11-19\) ended as Interrupted/);
  expect(left.stdout).not.toContain('Running');

  const running = night();
  await expect.poll(running.stderr).toMatch(WAITS);
  const status = await afterbell(['status'], env);
  expect(status.stdout).toMatch(/\nRunning: night for session 2025-11-19 since .* E[SD]T \(night-2025-11-19-.*\)\.\n/);
  expect(status.stdout).not.toContain('ended as Interrupted');
  const { running: document } = JSON.parse((await afterbell(['status', '--json'], env)).stdout);
  expect(document).toMatchObject({ what: `night for session ${SESSION}`, night: SESSION });
  running.child.kill('SIGTERM');
  await running.ended;
});
