import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { checkDerived, readIngests } from '../../src/cli/verify/checks.ts';
import { consolidate } from '../../src/jobs/consolidate/consolidate.ts';
import { resample } from '../../src/jobs/resample/resample.ts';
import { FileLake } from '../../src/lake/file-lake.ts';
import { keys } from '../../src/lake/lake.ts';
import { decodeSilver, encodeSilver } from '../../src/lake/silver.ts';
import type { Prices } from '../lake/published.ts';
import { bar, publish } from '../lake/published.ts';
import { temporaryFolder } from '../local/programs.ts';

const inputs = JSON.parse(readFileSync(new URL('stored-bars.json', import.meta.url), 'utf8')) as {
  name: string;
  input: Record<string, number | string | null>;
  expected: string | null;
}[];
const DATES = ['2025-11-17', '2025-11-18', '2025-11-19'] as const;

/** JSON has neither NaN nor Infinity. */
function valuesOf(input: Record<string, number | string | null>): Prices {
  return Object.fromEntries(
    Object.entries(input).map(([name, value]) => [name, typeof value === 'string' ? Number(value) : value]),
  );
}

/** Sessions as earlier versions published them: one bar of AAPL has these values. */
async function lakeWith(values: Prices) {
  const folder = temporaryFolder();
  const lake = new FileLake(`file://${folder}/lake`);
  for (const date of DATES) {
    const wrong = date === DATES[1] ? values : {};
    await publish(lake, date, [bar('AAPL', date, 0, wrong), bar('MSFT', date)]);
  }
  const options = { mode: 'incremental', runId: 'r' } as const;
  await consolidate(lake, { ...options, maxWorkers: 2 });
  await resample(lake, { ...options, intervals: [3], memoryLimitMb: 200 });
  const check = async () => checkDerived(lake, await readIngests(lake), `${folder}/scratch`, [3]);
  return { lake, check };
}

test.each(inputs)('verify names a stored bar with $name, its file and what fixes it', async ({ input, expected }) => {
  const { check } = await lakeWith(valuesOf(input));
  const [sessions, history] = await check();
  const found = [...sessions!.problems, ...history!.problems].filter((text) => text.includes('no usable number'));
  if (expected === null) return expect(found).toEqual([]);
  const text = `${expected}: no usable number, in`;
  expect(found).toEqual([`2025-11-18: ${text} ${keys.session('2025-11-18')}`, `${text} ${keys.symbol('AAPL')}`]);
  expect(sessions!.repairs).toEqual(['npx afterbell night --session 2025-11-18']);
  expect(history!.rebuild).toEqual([{ step: 'consolidate' }]);
});

test.each([Number.NaN, Number.POSITIVE_INFINITY])(
  'verify names a month of N-session bars with a volume of %s',
  async (volume) => {
    const { lake, check } = await lakeWith({});
    const clean = await check();
    expect(clean.flatMap(({ problems }) => problems)).toEqual([]);
    const months: string[] = [];
    for await (const { key } of lake.list(keys.silverOf(3))) months.push(key);
    const rows = await decodeSilver((await lake.read(months[0]!))!, months[0]!);
    rows.volume[0] = volume;
    await lake.write(months[0]!, encodeSilver(rows));
    const windows = (await check()).at(-1)!;
    expect(windows.problems).toContainEqual(
      expect.stringMatching(new RegExp(`^2025-11-\\d\\d AAPL: no usable number, in ${months[0]}$`)),
    );
    expect(windows.rebuild).toEqual([{ step: 'resample', intervals: [3] }]);
  },
);
