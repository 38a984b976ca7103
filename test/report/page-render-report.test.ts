import { expect, test } from 'vitest';
import { renderReport } from '../../src/report/page.ts';
import { MemoryLake } from '../lake/memory-lake.ts';
import { nightReport } from './night-report.ts';

const FOLDER = 'reports/date=2026-11-25';

async function lakeWith(...files: string[]): Promise<MemoryLake> {
  const lake = new MemoryLake();
  for (const file of files) await lake.write(`${FOLDER}/${file}`, Buffer.from(JSON.stringify(nightReport())));
  return lake;
}

test("the night's page is index.html, another run's has its own name, and a second one is the same", async () => {
  const lake = await lakeWith('night.json', 'run=task-1.json');
  expect(await renderReport(`${FOLDER}/night.json`, lake, ['AAPL'])).toBe(`${FOLDER}/index.html`);
  expect(await renderReport(`${FOLDER}/run=task-1.json`, lake, ['AAPL'])).toBe(`${FOLDER}/run=task-1.html`);
  const before = lake.contents();
  await renderReport(`${FOLDER}/night.json`, lake, ['AAPL']);
  expect(lake.contents()).toEqual(before);
});

test('a damaged neighbour costs its own part of the page, never the page', async () => {
  const lake = await lakeWith('night.json');
  await lake.write('bronze/sessions/date=2026-11-25/bars.parquet', Buffer.from('no parquet'));
  await lake.write('bronze/sessions/date=2026-11-24/bars.parquet', Buffer.from('no parquet'));
  await renderReport(`${FOLDER}/night.json`, lake, ['AAPL']);
  const page = Buffer.from((await lake.read(`${FOLDER}/index.html`))!).toString();
  expect(page).toContain('What could not be read');
  expect(page).toContain('symbols: Lake.Corrupt: bronze/sessions/date=2026-11-25/bars.parquet');
});

test('a torn line of quarantine is a row that says what to do, beside the others', async () => {
  const lake = await lakeWith('night.json');
  const line = JSON.stringify({ dataset: 'prices', date: '2026-11-25', symbol: 'BAD', reason: 'no close', row: {} });
  await lake.write('quarantine/date=2026-11-25.jsonl', Buffer.from(`${line}\n{"dataset":"pri`));
  await renderReport(`${FOLDER}/night.json`, lake, ['AAPL']);
  const page = Buffer.from((await lake.read(`${FOLDER}/index.html`))!).toString();
  expect(page).toContain('prices: no close: 1');
  expect(page).toContain('line 2 of quarantine/date=2026-11-25.jsonl is torn: delete it');
});

test('a report that is not there is named', async () => {
  await expect(renderReport(`${FOLDER}/night.json`, new MemoryLake(), [])).rejects.toMatchObject({
    name: 'Data.Invalid',
  });
});
