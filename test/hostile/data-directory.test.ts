import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, test } from 'vitest';
import { HistoryReader } from '../../src/jobs/resample/read-bars.ts';
import { FileLake } from '../../src/lake/file-lake.ts';
import { claimLake, keys } from '../../src/lake/lake.ts';
import { encodeBars } from '../../src/lake/session-files.ts';
import { bar } from '../checks/bars.ts';
import { afterbell } from '../nights/command.ts';
import { scratch } from '../nights/scene.ts';
import rows from './data-directory.json';

/** Two lakes side by side, of which the path of the first matches the second as a pattern. */
async function sideBySide(input: string, sibling: string) {
  const parent = scratch();
  const open = (name: string) => new FileLake(pathToFileURL(join(parent, name)).href);
  const [own, other] = [open(input), open(sibling)];
  for (const [lake, symbol] of [
    [own, 'OWN'],
    [other, 'OTHER'],
  ] as const) {
    await claimLake(lake, 'practice');
    await lake.write(keys.symbol('A'), encodeBars([bar(symbol, '2025-11-19')]));
    await lake.write(keys.session('2025-11-19'), encodeBars([bar(symbol, '2025-11-19')]));
  }
  return own;
}

test.each(rows)('query reads its own files in a data directory named $input', async ({ input, sibling, expected }) => {
  const lake = await sideBySide(input, sibling);
  const sql = 'SELECT symbol FROM bars UNION ALL SELECT symbol FROM sessions';
  const asked = await afterbell(['query', sql, '--json'], { AFTERBELL_HOME: scratch(), LAKE_URI: lake.uri });
  if (expected === 'own') {
    expect(asked.code, asked.stderr).toBe(0);
    expect(JSON.parse(asked.stdout)).toEqual([{ symbol: 'OWN' }, { symbol: 'OWN' }]);
  } else {
    expect(asked.code).toBe(2);
    expect(JSON.parse(asked.stdout).error.name).toBe(expected);
  }
});

test.each(rows)('the resampler reads its own files in a data directory named $input', async ({ input, sibling }) => {
  const lake = await sideBySide(input, sibling);
  const [path] = await lake.localise([keys.symbol('A')]);
  const history = { symbol: 'OWN', key: keys.symbol('A'), path: path! };
  expect((await new HistoryReader().read(history)).date).toHaveLength(1);
});
