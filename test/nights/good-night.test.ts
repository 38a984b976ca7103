import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { keys } from '../../src/lake/keys.ts';
import { listAll, readJson } from '../../src/lake/lake.ts';
import type { NightReport } from '../../src/night/night.ts';
import { afterbell } from './command.ts';
import { HELD, lakeFiles, logLines, MORNING, openScene, SESSION, scratch, SYMBOLS } from './scene.ts';

test('a good night fills every store, tells the rule, and its repetition changes nothing', async () => {
  const scene = await openScene();
  const { laptop, home } = scene;
  const { lake, runs, warehouse } = laptop.stores;
  const night = await scene.run(MORNING);
  expect(night.outcome, JSON.stringify(night.outcome.reasons)).toMatchObject({ status: 'Succeeded', session: SESSION, practice: true });
  console.log(night.outcome.seconds, night.outcome.datasets);
});
