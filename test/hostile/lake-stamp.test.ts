import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { keys } from '../../src/lake/lake.ts';
import { afterbell } from '../nights/command.ts';
import { warmHome } from '../nights/scene.ts';
import rows from './lake-stamp.json';

test.each(rows)('a night says what is wrong with a lake stamped with $name, and changes nothing', async (row) => {
  const home = await warmHome();
  const stamp = join(home, 'lake', keys.stamp);
  writeFileSync(stamp, row.input);
  const { code, stdout, stderr } = await afterbell(['night', '--session', '2025-11-20'], { AFTERBELL_HOME: home });
  expect(code).toBe(1);
  expect(stdout + stderr).toContain(row.expected);
  expect(readFileSync(stamp, 'utf8')).toBe(row.input);
});
