import { beforeAll, expect, test } from 'vitest';
import { afterbell } from './command.ts';
import { warmHome } from './scene.ts';

let env: { AFTERBELL_HOME: string };
beforeAll(async () => {
  env = { AFTERBELL_HOME: await warmHome() };
});

test.each([
  [['sync-splits', '--data', '{"sesion": "2025-11-18"}'], /Unrecognized key: "sesion"; wanted .*"session".*"settings"/],
  [['sync-splits', '--data', '[]'], /--data cannot be read/],
  [['sync-splits', '--data', '{"session": 20251118}'], /found session: /],
  [['sync-splits', '--mode', 'full'], /sync-splits takes no --mode; wanted no setting/],
  [['consolidate', '--data', '{"settings": {"MOED": "full"}}'], /takes no MOED; .*--mode.*Did you mean MODE\?/],
  [['consolidate', '--intervals', '3'], /consolidate takes no --intervals; wanted --symbols, --mode/],
  [['resample', '--symbols', 'AAPL'], /resample takes no --symbols; wanted --intervals, --mode/],
  [['consolidate', '--symbols', 'APPL'], /no history and no session holds APPL\. Did you mean AAPL\?/],
  [['consolidate', '--symbols', 'NOSUCH,XQZWV'], /no session holds NOSUCH, XQZWV/],
])('%j is refused before anything is started', async (args, said) => {
  const { code, stderr } = await afterbell(['run', ...args], env);
  expect([code, stderr]).toEqual([2, expect.stringMatching(said)]);
  expect(stderr).toMatch(/^Usage\.Invalid: /m);
});

test('of some symbols the unknown ones are noted and the others merged', async () => {
  const some = await afterbell(['run', 'consolidate', '--mode', 'full', '--symbols', 'AAPL, MFST'], env);
  expect([some.code, some.stderr]).toEqual([
    0,
    expect.stringContaining('note: no history and no session holds MFST. Did you mean MSFT?'),
  ]);
  expect(some.stdout).toMatch(/consolidate +success/);
});
