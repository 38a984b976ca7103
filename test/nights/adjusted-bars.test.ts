import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { afterbell } from './command.ts';
import { MORNING, openOn, openScene, SESSION, scratch } from './scene.ts';

const TOMORROW = { scheduledTime: '2025-11-21T09:00:00Z' };

test('what was known after a night is answered the same after the next one, corrections and all', async () => {
  const scene = await openScene();
  const env = { AFTERBELL_HOME: scene.home };
  const folder = scratch();
  const rowsOf = async (sql: string) => {
    const answer = await afterbell(['query', sql, '--json'], env);
    expect(answer.stderr).toBe('');
    return JSON.parse(answer.stdout) as Record<string, unknown>[];
  };
  const fileOf = async (name: string) => {
    const path = join(folder, name);
    const sql = `SELECT * FROM bars_adjusted('total_return', '${SESSION}')`;
    const answer = await afterbell(['query', sql, '--parquet', path], env);
    expect(answer.code, answer.stderr).toBe(0);
    return createHash('sha256').update(readFileSync(path)).digest('hex');
  };
  const known = `SELECT * FROM bars_as_known('${SESSION}') ORDER BY symbol, date`;

  expect((await scene.run(MORNING)).outcome.status).toBe('Succeeded');
  const { market } = scene;
  await scene.close();
  const before = {
    rows: await rowsOf('SELECT * FROM sessions ORDER BY symbol, date'),
    file: await fileOf('a.parquet'),
  };
  expect(await rowsOf(known)).toEqual(before.rows);

  const later = await openOn(scene.home, market);
  market.misbehave(['late-correction']);
  const night = await later.run(TOMORROW);
  expect(night.outcome.status).toBe('Succeeded');
  await later.close();
  const [revised] = await rowsOf('SELECT count(*) AS rows FROM revisions');
  expect(revised!.rows).toBeGreaterThan(0);
  expect(await rowsOf(known)).toEqual(before.rows);
  expect(await fileOf('b.parquet')).toBe(before.file);
  const [last] = await rowsOf('SELECT max(date) AS date FROM bars_total_return');
  expect(last).toEqual({ date: '2025-11-20' });
});

test("our factors are the vendor's, to a millionth, on every dividend day of a history", async () => {
  const scene = await openScene({ marketNow: '2025-11-20T12:00:00Z' });
  expect((await scene.run(MORNING)).outcome.status).toBe('Succeeded');
  await scene.close();
  const sql = `SELECT count(*) AS days, max(abs(difference)) AS most FROM dividend_factors
    WHERE ex_date > (SELECT min(date) FROM calendar WHERE held)`;
  const { stdout } = await afterbell(['query', sql, '--json'], { AFTERBELL_HOME: scene.home });
  const [found] = JSON.parse(stdout) as { days: number; most: number }[];
  expect(found!.days).toBeGreaterThan(0);
  expect(found!.most).toBeLessThanOrEqual(1e-6);
});
