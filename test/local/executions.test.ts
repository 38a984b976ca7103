import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { logLines, MORNING, openOn, openScene, SESSION } from '../nights/scene.ts';

test('a night that is stopped is told of, in the log and where the laptop shows it', async () => {
  const scene = await openScene();
  const stop = new AbortController();
  const onEvent = ({ state }: { state?: string }) => state === 'Stage Sessions' && stop.abort();
  const ended = scene.run(MORNING, { signal: stop.signal, onEvent });
  await expect(ended).rejects.toMatchObject({ name: 'Job.Interrupted' });
  const [told, ...more] = logLines(scene.home, 'notifications.jsonl');
  expect(more).toEqual([]);
  expect(told).toMatchObject({ subject: expect.stringMatching(/^afterbell Interrupted: night-2025-11-19-/) });
  expect(String(told!.message)).toMatch(
    /^Interrupted: execution night-2025-11-19-\S+ stopped without reporting a reason \(ABORTED\)\.\nSince .* EST; it had ended by .* EST\.\n.*\nError: Job\.Interrupted: stopped by hand\nExecution: .*functions\.jsonl\nRepair: npx afterbell night --session 2025-11-19\nIt goes on where the run stopped\. /,
  );
  expect(readdirSync(join(scene.home, 'logs', 'running'))).toEqual([]);
});

test('a night that was killed with its process is told of when its home is opened again, once', async () => {
  const scene = await openScene();
  await scene.close();
  const running = join(scene.home, 'logs', 'running');
  mkdirSync(running, { recursive: true });
  const begun = { arn: 'arn', name: `night-${SESSION}-killed`, startTime: '2025-11-20T09:00:00.000Z' };
  writeFileSync(join(running, `${begun.name}.json`), JSON.stringify(begun));
  writeFileSync(join(running, 'night-cut.json'), '{"arn"');
  for (let opened = 0; opened < 2; opened += 1) await (await openOn(scene.home, scene.market)).close();
  const told = logLines(scene.home, 'notifications.jsonl').map(({ message }) => String(message).split('\n'));
  expect(told.map(([first]) => first)).toEqual([
    'Interrupted: execution night-cut stopped without reporting a reason (ABORTED).',
    `Interrupted: execution ${begun.name} stopped without reporting a reason (ABORTED).`,
  ]);
  expect(told[1]![1]).toMatch(/^Since Thu 20 Nov 2025 04:00 EST; it had ended by .* E[SD]T\.$/);
  expect(told[1]![3]).toBe(
    'Error: Job.Interrupted: its process ended before it did (killed, or the computer went down)',
  );
});

test('what is told reaches the terminal when no log can be written', async () => {
  const scene = await openScene();
  await scene.close();
  for (const file of ['notifications.jsonl', 'events.jsonl', 'functions.jsonl', 'running']) {
    rmSync(join(scene.home, 'logs', file), { recursive: true, force: true });
  }
  mkdirSync(join(scene.home, 'logs', 'running'));
  writeFileSync(join(scene.home, 'logs', 'running', 'night-cut.json'), '');
  for (const file of ['notifications.jsonl', 'events.jsonl', 'functions.jsonl'])
    mkdirSync(join(scene.home, 'logs', file));
  const told: unknown[] = [];
  const onNotify = ({ subject }: { subject: string | undefined }) => void told.push(subject);
  const again = await openOn(scene.home, scene.market, { onNotify });
  expect(told).toEqual(['afterbell Interrupted: night-cut']);
  scene.market.misbehave(['unauthorized@grouped']);
  expect((await again.run(MORNING)).outcome.status).toBe('Failed');
  expect(told.slice(1)).toEqual([`afterbell Failed: session ${SESSION}`]);
  await again.close();
});
