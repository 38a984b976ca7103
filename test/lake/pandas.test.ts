import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { FileLake } from '../../src/lake/file-lake.ts';
import { keys } from '../../src/lake/lake.ts';
import { encodeBars } from '../../src/lake/session-files.ts';
import { temporaryFolder } from '../local/programs.ts';
import { pythonWith } from '../python.ts';
import { root } from '../terraform/tooling.ts';
import { bar, publish } from './published.ts';

const run = promisify(execFile);
const PACKAGES = ['pandas==2.3.3', 'pyarrow==21.0.0'];

test('pandas reads folders of the lake with the line of the data dictionary, and not without it', async ({ skip }) => {
  const python = await pythonWith(PACKAGES, 'no folder of a lake was read with them');
  if (!python) return skip();
  const folder = temporaryFolder();
  const dictionary = readFileSync(join(root, 'docs', 'data-dictionary.md'), 'utf8');
  const [, line = ''] = /```python\n(pd\.read_parquet\(.*\))\n```/.exec(dictionary) ?? [];
  const [, said = ''] = /fails \(`([^`]+)`\)/.exec(dictionary) ?? [];
  expect(line).toContain("'lake/bronze/sessions'");
  const lake = new FileLake(pathToFileURL(join(folder, 'lake')).href);
  for (const date of ['2025-11-18', '2025-11-19']) await publish(lake, date, [bar('A', date), bar('KIMpL', date)]);
  await lake.write(keys.symbol('KIMpL'), encodeBars([bar('KIMpL', '2025-11-19')]));
  const read = (code: string) => run(python, ['-c', `import pandas as pd\n${code}`], { cwd: folder });
  await expect(read("pd.read_parquet('lake/bronze/sessions')")).rejects.toMatchObject({
    stderr: expect.stringContaining(said),
  });
  const print = `print(sorted((s, str(d)) for s, d in zip(rows['symbol'], rows['date'])))`;
  const sessions = await read(`rows = ${line}\n${print}`);
  expect(sessions.stdout.trim()).toBe(
    "[('A', '2025-11-18'), ('A', '2025-11-19'), ('KIMpL', '2025-11-18'), ('KIMpL', '2025-11-19')]",
  );
  const histories = await read(`rows = ${line.replace('sessions', 'raw_ohlcv')}\n${print}`);
  expect(histories.stdout.trim()).toBe("[('KIMpL', '2025-11-19')]");
});
