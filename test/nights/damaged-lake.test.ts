import { readdirSync, readFileSync, rmSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { keys } from '../../src/lake/lake.ts';
import { afterbell } from './command.ts';
import { HELD, lakeFiles, MORNING, openScene, SESSION, warmHome } from './scene.ts';

const statuses = (datasets: { name: string; status: string }[]) =>
  Object.fromEntries(datasets.map(({ name, status }) => [name, status]));

test('a cut session file is named by verify and fixed by the next night, which fetches it again', async () => {
  const home = await warmHome();
  const env = { AFTERBELL_HOME: home };
  const file = join(home, 'lake', keys.session(HELD.last));
  const whole = readFileSync(file);
  truncateSync(file, whole.length - 100);
  const unclean = await afterbell(['verify', '--json'], env);
  expect(unclean.code).toBe(1);
  const { clean, checks } = JSON.parse(unclean.stdout) as { clean: boolean; checks: { problems: string[] }[] };
  expect(clean).toBe(false);
  expect(checks.flatMap(({ problems }) => problems)).toEqual([
    `${HELD.last}: the session file is not the one that was published`,
  ]);

  const scene = await openScene({ home });
  const after = await scene.run(MORNING);
  expect(after.outcome).toMatchObject({ status: 'Succeeded', sessions: { published: [HELD.last, SESSION] } });
  await scene.close();
  const verified = await afterbell(['verify'], env);
  expect(verified.code, verified.stdout).toBe(0);
});

test('a cut history file fails the consolidation by name, is never overwritten, and its removal fixes it from the sessions', async () => {
  const scene = await openScene();
  const { home } = scene;
  const raw = join(home, 'lake', 'bronze', 'raw_ohlcv');
  const folder = readdirSync(raw).sort()[0]!;
  const file = join(raw, folder, 'data.parquet');
  truncateSync(file, 50);
  const night = await scene.run(MORNING);
  expect(night.outcome.status).toBe('Failed');
  expect(night.exitCode).toBe(1);
  expect(night.outcome.reasons.join('\n')).toContain('Lake.Corrupt');
  expect(night.outcome.reasons.join('\n')).toContain(`bronze/raw_ohlcv/${folder}/data.parquet`);
  expect(statuses(night.outcome.datasets)).toMatchObject({
    tickers: 'success',
    assets: 'success',
    prices: 'success',
    consolidate: 'failed',
  });
  expect(lakeFiles(home).has(keys.session(SESSION))).toBe(true);
  await scene.close();
  const env = { AFTERBELL_HOME: home };
  const unclean = await afterbell(['verify'], env);
  expect(unclean.code).toBe(1);
  const asked = await afterbell(['query', 'SELECT sum(close) FROM bars'], env);
  expect([asked.code, asked.stderr]).toEqual([
    1,
    expect.stringMatching(new RegExp(`^Lake\\.Corrupt: bronze/raw_ohlcv/${folder}/data.parquet is damaged.*verify`)),
  ]);
  const refused = await afterbell(['run', 'consolidate', '--mode', 'full'], env);
  expect(refused.code).toBe(1);
  expect(refused.stdout).toContain('Lake.Corrupt');
  rmSync(file);
  for (const job of ['consolidate', 'resample']) {
    const ran = await afterbell(['run', job, '--mode', 'full', '--json'], env);
    expect(ran.code, ran.stdout).toBe(0);
  }
  const verified = await afterbell(['verify'], env);
  expect(verified.code, verified.stdout).toBe(0);
});
