import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, expect, test } from 'vitest';
import { reportPage } from '../../src/report/page.ts';
import { browserPath, type OpenPage, openPage } from './browser.ts';
import { fullHistory, nightReport } from './night-report.ts';
import { POOR_CONTRAST, UNNAMED } from './readable.ts';

const path = browserPath();
if (!path && process.env.REQUIRE_ALL !== '1') {
  console.warn(
    'SKIPPED: no Chromium on this machine, so the report is not tried in a browser (apt-get install chromium)',
  );
}

const folder = mkdtempSync(join(tmpdir(), 'afterbell-page-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function show(width: number, colorScheme: 'light' | 'dark'): Promise<OpenPage> {
  const file = join(folder, 'index.html');
  writeFileSync(file, await reportPage(nightReport({ practice: true }), fullHistory()));
  return openPage(path!, pathToFileURL(file).href, { width, colorScheme });
}

test.runIf(path || process.env.REQUIRE_ALL === '1')(
  'in a real browser the page fetches nothing, complains of nothing, is readable in light and dark and fits a phone',
  async () => {
    expect(path, 'Chromium is installed').toBeDefined();
    for (const [width, scheme] of [
      [1200, 'light'],
      [390, 'dark'],
    ] as const) {
      const { page, requests, complaints } = await show(width, scheme);
      expect(requests.filter((url) => !/^(file|data):/.test(url))).toEqual([]);
      expect(complaints).toEqual([]);
      expect(await page.title()).toBe('afterbell 2026-11-25: Partial');
      expect(await page.locator('html').getAttribute('lang')).toBe('en');
      expect(await page.evaluate('document.documentElement.scrollWidth <= window.innerWidth')).toBe(true);
      await page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })");
      expect(await page.evaluate('document.documentElement.scrollWidth <= window.innerWidth')).toBe(true);
      expect(await page.evaluate(POOR_CONTRAST), scheme).toEqual([]);
      expect(await page.evaluate(UNNAMED)).toEqual([]);
      const paper = await page.evaluate('getComputedStyle(document.body).backgroundColor');
      expect(paper).toBe(scheme === 'dark' ? 'rgb(13, 17, 23)' : 'rgb(255, 255, 255)');
      await page.keyboard.press('Tab');
      expect(await page.evaluate('document.activeElement.className')).toBe('skip');
      await page.keyboard.press('Enter');
      await expect.poll(() => page.url()).toMatch(/#next$/);
    }
  },
);
