import { join } from 'node:path';
import { expect, test } from 'vitest';
import { afterbell } from './command.ts';
import { scratch } from './scene.ts';

test('with WAREHOUSE=off nights, reports, ledger and verify work, what needs prices says so, and they can be filled later', async () => {
  const home = join(scratch(), 'home');
  const off = { AFTERBELL_HOME: home, WAREHOUSE: 'off', HISTORY_SESSIONS: '5' };
  const night = await afterbell(['night', '--json'], off);
  expect(night.code, night.stderr).toBe(0);
  expect(JSON.parse(night.stdout).status).toBe('Succeeded');
  const status = await afterbell(['status', '--json'], off);
  expect(status.code, status.stdout).toBe(0);
  const { freshness, nights } = JSON.parse(status.stdout);
  expect(freshness.map(({ dataset }: { dataset: string }) => dataset)).toContain('prices');
  expect(freshness.map(({ dataset }: { dataset: string }) => dataset)).not.toContain('stock_prices');
  expect(nights[0].status).toBe('Succeeded');
  const verified = await afterbell(['verify'], off);
  expect(verified.code, verified.stdout).toBe(0);
  expect(verified.stdout).toContain('WAREHOUSE=off');

  const rows = 'SELECT count(*)::int AS rows FROM stock_prices';
  const asked = await afterbell(['query', '--warehouse', rows], off);
  expect(asked.code).toBe(2);
  expect(asked.stderr).toMatch(/WAREHOUSE=off.*views bars and sessions/s);
  const company = await afterbell(
    ['query', '--warehouse', 'SELECT count(*)::int AS rows FROM symbol_metadata', '--json'],
    off,
  );
  expect(JSON.parse(company.stdout)[0].rows).toBeGreaterThan(0);

  const on = { ...off, WAREHOUSE: 'on' };
  expect(JSON.parse((await afterbell(['query', '--warehouse', rows, '--json'], on)).stdout)).toEqual([{ rows: 0 }]);
  const repaired = await afterbell(['verify', '--repair'], on);
  expect(repaired.code, repaired.stdout + repaired.stderr).toBe(0);
  const bars = await afterbell(['query', 'SELECT count(*)::int AS rows FROM sessions', '--json'], on);
  const filled = JSON.parse((await afterbell(['query', '--warehouse', rows, '--json'], on)).stdout);
  expect(filled[0].rows).toBeGreaterThan(100);
  expect(filled).toEqual(JSON.parse(bars.stdout));
});
