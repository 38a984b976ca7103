import { expect, test } from 'vitest';
import { NO_HISTORY } from '../../src/report/model.ts';
import { reportPage } from '../../src/report/page.ts';
import { fullHistory, nightReport } from './night-report.ts';

const TWO_MIB = 2 * 1024 * 1024;

test('what vendors wrote is shown, not run', async () => {
  const datasets = [{ ...nightReport().datasets[0]!, name: '<i>' }];
  const page = await reportPage(nightReport({ runId: '<b>', datasets }), fullHistory());
  expect(page).toContain('found &#60;script&#62;alert(&#34;x&#34;)&#60;/script&#62; &#38; more');
  expect(page).toContain('A&#38;B 1 → 2');
  expect(page).not.toMatch(/<(script|b|i)>/);
});

test('practice data is marked as such, real data is not', async () => {
  expect(await reportPage(nightReport({ practice: true }), NO_HISTORY)).toContain('Practice data.');
  expect(await reportPage(nightReport(), NO_HISTORY)).not.toMatch(/practice data/i);
});

test('every figure of a dataset stands in its row', async () => {
  const page = await reportPage(nightReport(), NO_HISTORY);
  const row = /<tr><th scope="row">tickers<\/th>([\s\S]*?)<\/tr>/.exec(page)?.[1];
  const cells = [...row!.matchAll(/<td[^>]*>([^<]*)</g)].map(([, cell]) => cell);
  expect(cells).toEqual(['failed', '1', '2', '3', '4', '5', '6', '7.3']);
});

test('a full page has every section, needs nothing from elsewhere and stays small', async () => {
  const page = await reportPage(nightReport(), fullHistory());
  const ids = [...page.matchAll(/<section id="([^"]+)"/g)].map(([, id]) => id);
  expect(ids).toEqual(['next', 'datasets', 'states', 'past', 'changes', 'listings', 'quarantine', 'reconcile', 'bars']);
  expect(page).not.toMatch(/(?:src|href)="(?!#|data:)/);
  expect(page).not.toMatch(/@import|url\(|<script|#0a00/);
  expect(Buffer.byteLength(page)).toBeLessThan(TWO_MIB);
});

test('twenty symbols with seven series each fit into two MiB', async () => {
  const candles = Array.from({ length: 60 }, (_, index) => {
    const close = 1234.5678 + index;
    return {
      date: '2026-11-20',
      open: close - 1.2345,
      high: close + 3.4567,
      low: close - 3.4567,
      close,
      complete: true,
    };
  });
  const series = [1, 3, 5, 8, 13, 21, 34].map((sessions) => ({
    sessions,
    candles: candles.slice(sessions === 1 ? 0 : -16),
  }));
  const symbols = Array.from({ length: 20 }, (_, index) => ({ symbol: `SYM${index}`, series }));
  const page = await reportPage(nightReport(), fullHistory({ candles: symbols }));
  expect(page.match(/<svg/g)!.length).toBeGreaterThanOrEqual(140);
  expect(Buffer.byteLength(page)).toBeLessThan(TWO_MIB);
});

test('the same night gives the same bytes', async () => {
  const page = await reportPage(nightReport(), fullHistory());
  await reportPage(nightReport({ session: '2026-11-24' }), NO_HISTORY);
  expect(await reportPage(nightReport(), fullHistory())).toBe(page);
});

test('every picture has words for those who do not see it', async () => {
  const page = await reportPage(nightReport(), fullHistory());
  const pictures = [...page.matchAll(/<svg[^>]*>/g)].map(([tag]) => tag);
  expect(pictures.filter((tag) => !/role="img" aria-label="[^"]+"/.test(tag))).toEqual([]);
  expect(page).toContain('Coverage of 4 sessions and 2 datasets. prices held on 2026-11-23.');
});
