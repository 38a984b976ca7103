import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, expect, test } from 'vitest';
import { sessionAt, sessionNumber } from '../../../src/calendar/calendar.ts';
import { companiesOf } from '../../../src/checks/symbol-history.ts';
import { checkDerived, findDamaged, readIngests } from '../../../src/cli/verify/checks.ts';
import { consolidate } from '../../../src/jobs/consolidate/consolidate.ts';
import { resample } from '../../../src/jobs/resample/resample.ts';
import { FileLake } from '../../../src/lake/file-lake.ts';
import { keys } from '../../../src/lake/lake.ts';
import { encodeRows } from '../../../src/lake/parquet.ts';
import { encodeSymbolHistory } from '../../../src/lake/symbol-history-file.ts';
import { bar, publish } from '../../lake/published.ts';

const DATES = Array.from({ length: 12 }, (_, i) => sessionAt(sessionNumber('2025-10-27') + i));
const home = mkdtempSync(join(tmpdir(), 'check-derived-'));
afterAll(() => rmSync(home, { recursive: true, force: true }));

test('windows on another basis than the splits in force are found, and clean once they are rebuilt', async () => {
  const lake = new FileLake(pathToFileURL(home).href);
  for (const date of DATES)
    await publish(
      lake,
      date,
      ['AAPL', 'TRUE'].map((symbol) => bar(symbol, date)),
    );
  await consolidate(lake, { mode: 'incremental', maxWorkers: 2, runId: 'test' });
  const run = () => resample(lake, { mode: 'incremental', intervals: [3], runId: 'test', memoryLimitMb: 200 });
  const problems = async () => {
    const checks = await checkDerived(lake, await readIngests(lake), home, [3]);
    return checks.flatMap((check) => check.problems);
  };
  await run();
  expect(await problems()).toEqual([]);
  const columns = [
    { name: 'symbol', type: 'text' },
    { name: 'execution_date', type: 'date' },
    { name: 'split_from', type: 'double' },
    { name: 'split_to', type: 'double' },
  ] as const;
  const splits = [
    { symbol: 'AAPL', execution_date: DATES[4]!, split_from: 1, split_to: 3 },
    { symbol: 'AAPL', execution_date: DATES[9]!, split_from: 1, split_to: 7 },
    { symbol: 'TRUE', execution_date: '2040-01-03', split_from: 1, split_to: 2 },
  ];
  await lake.write(keys.snapshot('splits', DATES[11]!), encodeRows(columns, splits));
  expect(await problems()).toEqual([
    expect.stringMatching(/windows are not adjusted by the splits in force \(AAPL, …\)/),
  ]);
  await run();
  expect(await problems()).toEqual([]);
});

test('windows that run across two companies are found, and clean once they are rebuilt', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'two-companies-'));
  const lake = new FileLake(pathToFileURL(folder).href);
  for (const date of DATES) await publish(lake, date, [bar('AAPL', date), bar('TRUE', date)]);
  await consolidate(lake, { mode: 'incremental', maxWorkers: 2, runId: 'test' });
  const run = () => resample(lake, { mode: 'incremental', intervals: [5], runId: 'test', memoryLimitMb: 200 });
  const problems = async () => {
    const checks = await checkDerived(lake, await readIngests(lake), folder, [5]);
    return checks.flatMap((check) => check.problems);
  };
  await run();
  const change = DATES.slice(4).find((date) => sessionNumber(date) % 5 === 2)!;
  const row = { reason: 'first seen', ending: null, validTo: null };
  const rows = companiesOf([
    { ...row, symbol: 'AAPL', figi: 'F1', validFrom: DATES[0]!, validTo: change },
    { ...row, symbol: 'AAPL', figi: 'F2', validFrom: change },
    { ...row, symbol: 'TRUE', figi: 'F3', validFrom: DATES[0]! },
  ]);
  await lake.write(keys.symbolHistory('tickers', change), encodeSymbolHistory(rows));
  expect(await problems()).toContainEqual('windows hold 24 bars, the history 22');
  expect(await run()).toMatchObject({ wholeSymbols: 1 });
  expect(await problems()).toEqual([]);
  rmSync(folder, { recursive: true });
});

test('a damaged history names its file and what rebuilds it, and that rebuilds it', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'damaged-'));
  const lake = new FileLake(pathToFileURL(folder).href);
  for (const date of DATES) await publish(lake, date, [bar('AAPL', date), bar('TRUE', date)]);
  await consolidate(lake, { mode: 'incremental', maxWorkers: 2, runId: 'test' });
  const before = await lake.read(keys.symbol('AAPL'));
  await lake.write(keys.symbol('AAPL'), before!.subarray(0, 40));
  const [check] = await checkDerived(lake, await readIngests(lake), folder, [3]);
  const path = join(folder, keys.symbol('AAPL'));
  expect(check!.problems).toEqual([`${path} cannot be read`]);
  expect(check!.rebuild).toEqual([{ step: 'remove', keys: [keys.symbol('AAPL')] }, { step: 'consolidate' }]);
  expect(check!.repairs).toEqual([]);
  rmSync(path);
  await consolidate(lake, { mode: 'full', maxWorkers: 2, runId: 'test' });
  expect(await lake.read(keys.symbol('AAPL'))).toEqual(before);
  rmSync(folder, { recursive: true });
});

test('a damaged history that may hold what no session file has is named and stays', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'adopted-'));
  const lake = new FileLake(pathToFileURL(folder).href);
  for (const date of DATES) await publish(lake, date, [bar('AAPL', date), bar('TRUE', date)]);
  await consolidate(lake, { mode: 'incremental', maxWorkers: 2, runId: 'test' });
  const checkpoint = JSON.parse(Buffer.from((await lake.read(keys.consolidated))!).toString());
  const outside = { '2019-01-02': 'x', '2019-01-03': 'y' };
  for (const known of [JSON.stringify({ ...checkpoint, outside }), '{']) {
    await lake.write(keys.consolidated, Buffer.from(known));
    await lake.write(keys.symbol('AAPL'), Buffer.from('PAR1'));
    const check = await findDamaged(lake);
    expect(check.problems).toEqual([`${join(folder, keys.symbol('AAPL'))} cannot be read`]);
    expect(check.rebuild).toEqual([]);
    expect(check.repairs).toEqual([expect.stringMatching(/^put an older version of .*AAPL.* back: /)]);
  }
  rmSync(folder, { recursive: true });
});
