import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Page } from 'playwright-core';
import { afterAll, expect, test } from 'vitest';
import { reportPage } from '../../src/report/page.ts';
import { browserPath, openBrowser } from './browser.ts';
import { fullHistory, nightReport } from './night-report.ts';

const path = browserPath();
if (!path && process.env.REQUIRE_ALL !== '1') {
  console.warn(
    'SKIPPED: no Chromium on this machine, so the report is not tried in a browser (apt-get install chromium)',
  );
}

const folder = mkdtempSync(join(tmpdir(), 'afterbell-page-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Seen {
  page: Page;
  requests: string[];
  complaints: string[];
}

async function show(width: number, colorScheme: 'light' | 'dark'): Promise<Seen> {
  const file = join(folder, 'index.html');
  writeFileSync(file, await reportPage(nightReport({ practice: true }), fullHistory()));
  const context = await openBrowser(path!, { width, colorScheme });
  const page = await context.newPage();
  const [requests, complaints]: [string[], string[]] = [[], []];
  page.on('request', (request) => requests.push(request.url()));
  page.on('console', (message) => complaints.push(message.text()));
  page.on('pageerror', (error) => complaints.push(String(error)));
  await page.goto(pathToFileURL(file).href);
  return { page, requests, complaints };
}

/** WCAG contrast of every text that is drawn, against what lies behind it; the failures. Runs in the page. */
const POOR_CONTRAST = `(() => {
  const light = (colour) => {
    const [r, g, b] = colour.map((c) => (c /= 255) <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const read = (text) => { const n = text.match(/[\\d.]+/g)?.map(Number) ?? []; return n.length > 3 && n[3] === 0 ? undefined : n.slice(0, 3); };
  const behind = (element) => {
    for (let e = element; e; e = e.parentElement) {
      const colour = read(getComputedStyle(e).backgroundColor);
      if (colour) return colour;
    }
    return [255, 255, 255];
  };
  const poor = [];
  for (const element of document.querySelectorAll('body *')) {
    const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim() !== '');
    if (!own || element.closest('svg.graph') || !element.getClientRects().length) continue;
    const style = getComputedStyle(element);
    const ink = read(element instanceof SVGElement ? style.fill : style.color);
    if (!ink) continue;
    const [a, b] = [light(ink), light(behind(element))].sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05);
    if (ratio < 4.5) poor.push(element.tagName + ' ' + element.textContent.trim().slice(0, 30) + ' ' + ratio.toFixed(2));
  }
  return poor;
})()`;

/** Controls and scrolling regions without a name, and headings that skip a level. */
const UNNAMED = `(() => {
  const name = (e) => e.getAttribute('aria-label') || e.getAttribute('aria-labelledby') || e.textContent.trim();
  const nameless = [...document.querySelectorAll('a, button, summary, [tabindex], svg, section, nav')].filter((e) => !name(e)).map((e) => e.outerHTML.slice(0, 80));
  const levels = [...document.querySelectorAll('h1, h2, h3')].map((e) => Number(e.tagName[1]));
  const skips = levels.filter((level, i) => level > (levels[i - 1] ?? 0) + 1).map((level) => 'h' + level);
  return [...nameless, ...skips];
})()`;

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
