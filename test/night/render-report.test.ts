import { expect, test } from 'vitest';
import type { NightReport } from '../../src/night/night.ts';
import { renderReport, reportPage } from '../../src/night/render-report.ts';
import { MemoryLake } from '../lake/memory-lake.ts';

const report: NightReport = {
  runId: 'night-1',
  session: '2026-11-25',
  kind: 'night',
  status: 'Partial',
  practice: false,
  startedAt: '2026-11-26T09:00:00.000Z',
  completedAt: '2026-11-26T09:01:00.000Z',
  seconds: 60,
  datasets: [
    {
      name: 'tickers',
      task: 'sync-tickers',
      status: 'failed',
      rows: 1,
      new: 2,
      changed: 3,
      revised: 4,
      rejected: 5,
      pages: 6,
      seconds: 7.25,
      reasons: [],
    },
  ],
  reasons: ['found <script>alert("x")</script> & more'],
  notes: ['A&B 1 → 2'],
  sessions: { published: [], held: [], failed: [] },
};

test('what vendors wrote is shown, not run', () => {
  const page = reportPage({ ...report, runId: '<b>', datasets: [{ ...report.datasets[0]!, name: '<i>' }] });
  expect(page).toContain('found &#60;script&#62;alert(&#34;x&#34;)&#60;/script&#62; &#38; more');
  expect(page).toContain('A&#38;B 1 → 2');
  expect(page).not.toMatch(/<(script|b|i)>/);
});

test('practice data is marked as such, real data is not', () => {
  expect(reportPage({ ...report, practice: true })).toContain('Practice data.');
  expect(reportPage(report)).not.toMatch(/practice data/i);
});

test('every figure of a dataset stands in its row', () => {
  const row = /<tr><th scope="row">tickers<\/th>(.*)<\/tr>/.exec(reportPage(report))?.[1];
  expect([...row!.matchAll(/<td[^>]*>([^<]*)</g)].map(([, cell]) => cell)).toEqual([
    'failed',
    '1',
    '2',
    '3',
    '4',
    '5',
    '6',
    '7.3',
  ]);
});

test("the night's page is index.html, another run's has its own name, and a second one is the same", async () => {
  const lake = new MemoryLake();
  for (const file of ['night.json', 'run=task-1.json']) {
    await lake.write(`reports/date=2026-11-25/${file}`, Buffer.from(JSON.stringify(report)));
  }
  expect(await renderReport('reports/date=2026-11-25/night.json', lake)).toBe('reports/date=2026-11-25/index.html');
  expect(await renderReport('reports/date=2026-11-25/run=task-1.json', lake)).toBe(
    'reports/date=2026-11-25/run=task-1.html',
  );
  const before = lake.contents();
  await renderReport('reports/date=2026-11-25/night.json', lake);
  expect(lake.contents()).toEqual(before);
});

test('a report that is not there is named', async () => {
  await expect(renderReport('reports/date=2026-11-25/night.json', new MemoryLake())).rejects.toMatchObject({
    name: 'Data.Invalid',
  });
});
