import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import type { Context } from '../../src/cli/context.ts';
import { report } from '../../src/cli/report.ts';
import { loadConfig } from '../../src/config.ts';
import { FileLake } from '../../src/lake/file-lake.ts';
import { jsonBytes, keys, listAll } from '../../src/lake/lake.ts';
import { nightReport } from '../report/night-report.ts';

const folder = mkdtempSync(join(tmpdir(), 'report-of-a-stage-'));
const { href } = pathToFileURL(folder);
const lake = new FileLake(href);
const run = nightReport({ runId: `night-${process.pid}` });
// The temporary folder of these tests lies in their own one, which is all that they remove.
const temporary = join(folder, 'tmp');
const planted = join(temporary, `afterbell-dev-${run.runId}.html`);
beforeAll(() => {
  mkdirSync(temporary);
  vi.stubEnv('TMPDIR', temporary);
});
afterAll(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true, force: true });
});

async function said(options: Parameters<typeof report>[0]): Promise<{ path: string }> {
  const lines: string[] = [];
  const terminal = {
    json: true,
    live: false,
    colour: false,
    print: (text: string) => lines.push(text),
    note: () => {},
    typed: String,
  };
  const stores = { warehouse: { query: async () => [] } };
  const context = {
    config: loadConfig({ LAKE_URI: href }),
    terminal,
    signal: new AbortController().signal,
    stage: { stage: 'dev', stores },
    now: new Date(),
  };
  await report(options, context as unknown as Context);
  return JSON.parse(lines[0]!);
}

test("a stage's report is the page it has stored, or one made here of its night.json; nothing is written there", async () => {
  await lake.write(keys.report(run.session, 'night.json'), jsonBytes(run));
  const made = await said({ session: run.session });
  expect(readFileSync(made.path, 'utf8')).toContain(run.runId);
  expect((await listAll(lake, 'reports/')).map(({ key }) => key)).toEqual([keys.report(run.session, 'night.json')]);

  await lake.write(keys.report(run.session, 'index.html'), Buffer.from('<p>as stored</p>'));
  const stored = await said({ session: run.session });
  expect(stored).toMatchObject({ runId: run.runId, status: run.status });
  expect(readFileSync(stored.path, 'utf8')).toBe('<p>as stored</p>');
});

test("a stage's page follows no link that waits in the shared temporary folder, and nobody else can read it", async () => {
  const victim = join(folder, 'victim');
  writeFileSync(victim, 'as it was');
  symlinkSync(victim, planted);
  await lake.write(keys.report(run.session, 'night.json'), jsonBytes(run));
  const first = await said({ session: run.session });
  const second = await said({ session: run.session });
  expect(readFileSync(victim, 'utf8')).toBe('as it was');
  expect(second.path).not.toBe(first.path);
  expect([statSync(first.path).mode & 0o777, statSync(dirname(first.path)).mode & 0o777]).toEqual([0o600, 0o700]);
});

test('pages of a stage are not served, and that is said with what to do instead', async () => {
  await expect(said({ serve: true })).rejects.toMatchObject({
    name: 'Usage.Invalid',
    message: expect.stringMatching(
      /report --serve does not work with --stage.*npx afterbell report --session D --stage/,
    ),
  });
});

test('a run or session without a page is told with where to look instead', async () => {
  await expect(said({ run: 'portfolio-2025-11-19-x' })).rejects.toMatchObject({
    name: 'Usage.Invalid',
    message: expect.stringMatching(/a portfolio run, which has no page\. .*npx afterbell portfolios --stage dev$/),
  });
  const ingest = {
    runId: 'backfill-2025-11-10-x',
    rows: 1,
    rejected: 0,
    checksum: '',
    removed: [],
    source: 'practice',
  };
  await lake.write(keys.session('2025-11-10'), Buffer.from(''));
  await lake.write(keys.ingest('2025-11-10'), jsonBytes({ ...ingest, date: '2025-11-10', ingestedAt: '' }));
  await expect(said({ session: '2025-11-10' })).rejects.toMatchObject({
    name: 'Usage.Invalid',
    message: expect.stringMatching(
      /no night ran for session 2025-11-10; found its bars, brought by backfill-2025-11-10-x\. npx afterbell report --run backfill-2025-11-10-x --stage dev$/,
    ),
  });
});
