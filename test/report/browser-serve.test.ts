import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { serveReports } from '../../src/cli/serve-reports.ts';
import { loadConfig } from '../../src/config.ts';
import { FileLake } from '../../src/lake/file-lake.ts';
import { program } from '../nights/program.ts';
import { fillLake, NEWEST, REVISED, SESSIONS } from './browsed-lake.ts';
import { browserPath, type OpenPage, openBrowser, openPage } from './browser.ts';
import { POOR_CONTRAST, UNNAMED } from './readable.ts';

const path = browserPath();
if (!path && process.env.REQUIRE_ALL !== '1') {
  console.warn(
    'SKIPPED: no Chromium on this machine, so the served pages are not tried in a browser (apt-get install chromium)',
  );
}

/** The first of the 252 sessions that a year has. */
const YEAR_AGO = SESSIONS.at(-252)!;
const folder = mkdtempSync(join(tmpdir(), 'afterbell-serve-'));
const stop = new AbortController();
let url: string;
let served: Promise<number>;

beforeAll(async () => {
  await fillLake(new FileLake(pathToFileURL(join(folder, 'lake')).href));
  url = await new Promise((resolve, reject) => {
    const print = (text: string) => resolve(JSON.parse(text).url);
    const terminal = { json: true, print, typed: String };
    const context = { config: loadConfig({ AFTERBELL_HOME: folder }), program, terminal, signal: stop.signal };
    served = serveReports({}, context as never);
    served.catch(reject);
  });
});
afterAll(async () => {
  stop.abort();
  await served;
  // KEEP_PICTURES: for whoever wants to look at them.
  if (!process.env.KEEP_PICTURES) rmSync(folder, { recursive: true, force: true });
  else console.log(`pictures: ${folder}`);
});

async function open(width: number, colorScheme: 'light' | 'dark'): Promise<OpenPage> {
  return openPage(path!, url, { width, colorScheme });
}

/** First and last session the chart shows. */
const shown = async (page: Page) => ((await page.locator('#chart').getAttribute('data-shown')) ?? '').split(' ');

test.runIf(path || process.env.REQUIRE_ALL === '1')(
  'in a real browser a symbol is found by typing, chosen by keyboard, zoomed, and shown adjusted and in longer bars',
  async () => {
    expect(path, 'Chromium is installed').toBeDefined();
    const { page, requests, complaints } = await open(1200, 'light');
    await page.keyboard.press('/');
    await page.keyboard.type('apple');
    await page.locator('#options li').first().waitFor();
    expect(await page.locator('#options li').allTextContents()).toEqual([
      expect.stringContaining('<script>document.title=1</script>'),
      expect.stringContaining('Apple Inc.'),
    ]);
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('ArrowDown');
    const active = await page.locator('#q').getAttribute('aria-activedescendant');
    expect(await page.locator(`#${active}`).textContent()).toContain('AAPL');
    await page.screenshot({ path: join(folder, 'search.png') });
    await page.keyboard.press('Enter');
    await page.waitForURL(/symbols\?symbol=AAPL$/);
    await page.locator('#chart canvas').waitFor();
    expect(await shown(page)).toEqual([YEAR_AGO, NEWEST]);
    await page.screenshot({ path: join(folder, 'wide-light.png'), fullPage: true });

    await page.locator('#chart').focus();
    for (let times = 0; times < 3; times += 1) await page.keyboard.press('ArrowLeft');
    expect(await page.locator('#readout').textContent()).toMatch(/^2026-11-20 .*close .*volume .*revision/);
    await page.keyboard.press('+');
    const [from, to] = await shown(page);
    expect(SESSIONS.indexOf(to!) - SESSIONS.indexOf(from!)).toBe(126);
    expect(from! < REVISED && REVISED <= to!).toBe(true);
    await page.keyboard.press('-');
    expect((await shown(page))[0]! <= YEAR_AGO).toBe(true);
    await page.keyboard.press('Home');
    expect((await shown(page))[0]).toBe('2025-10-01');
    await page.getByRole('button', { name: '3 months' }).click();
    expect(await shown(page)).toEqual([SESSIONS.at(-63), NEWEST]);
    const box = (await page.locator('#chart').boundingBox())!;
    await page.mouse.move(box.x + box.width / 2, box.y + box.height / 3);
    await page.mouse.wheel(0, -400);
    await expect.poll(async () => (await shown(page))[0]! > SESSIONS.at(-63)!).toBe(true);
    await expect.poll(() => page.locator('#readout').textContent()).toMatch(/^2026-(09|10)/);

    await page.getByRole('radio', { name: 'daily' }).focus();
    await page.keyboard.press('ArrowRight');
    await page.getByText('5-session bars from').waitFor();
    await page.screenshot({ path: join(folder, 'windows.png') });
    expect(page.url()).toMatch(/interval=5&prices=adjusted$/);
    const boxes = ['Adjusted for splits', 'and for dividends'].map((name) => page.getByRole('checkbox', { name }));
    for (const one of boxes) expect(await one.isDisabled()).toBe(true);
    expect(await page.evaluate('document.activeElement.value')).toBe('5');
    await page.keyboard.press('ArrowLeft');
    await page.getByText('daily bars from').waitFor();
    const before = await page.locator('#chart').getAttribute('data-bars');
    await boxes[0]!.check();
    await page.getByText('adjusted for splits on the newest list').waitFor();
    const after = await page.locator('#chart').getAttribute('data-bars');
    const first = (text: string | null) => JSON.parse(text!).close[0] as number;
    expect(first(after)).toBe(first(before) / 2);
    await page.screenshot({ path: join(folder, 'adjusted.png') });
    await page.reload();
    expect(await Promise.all(boxes.map((one) => one.isChecked()))).toEqual([true, false]);
    // Dividends come on top of splits, and go with them.
    await boxes[1]!.check();
    await page.getByText('adjusted for splits and dividends on the newest lists').waitFor();
    expect(page.url()).toMatch(/prices=total_return$/);
    await boxes[0]!.uncheck();
    await page.getByText('as traded, not adjusted').waitFor();
    expect(await boxes[1]!.isChecked()).toBe(false);

    expect(complaints).toEqual([]);
    expect(requests.filter((one) => !one.startsWith(url) && !one.startsWith('data:'))).toEqual([]);
    expect(await page.title()).toBe('afterbell: AAPL');
  },
);

test.runIf(path || process.env.REQUIRE_ALL === '1')(
  'every served page fits a phone, is readable in light and dark, names its controls and complains of nothing',
  async () => {
    for (const [width, scheme] of [
      [390, 'dark'],
      [390, 'light'],
      [1200, 'dark'],
    ] as const) {
      const { page, complaints } = await open(width, scheme);
      for (const path of [
        '/',
        '/symbols?symbol=AAPL',
        '/symbols?symbol=AAPD',
        '/search?q=kim',
        '/lists',
        '/lists/tickers',
      ]) {
        await page.goto(url + path);
        await page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })");
        const name = `${width} ${scheme} ${path}`;
        expect(await page.evaluate('document.documentElement.scrollWidth <= window.innerWidth'), name).toBe(true);
        expect(await page.evaluate(POOR_CONTRAST), name).toEqual([]);
        expect(await page.evaluate(UNNAMED), name).toEqual([]);
        expect(await page.getByText('Practice data.').first().isVisible(), name).toBe(true);
      }
      await page.goto(`${url}/symbols?symbol=AAPL`);
      await page.locator('#chart canvas').waitFor();
      const [control] = await page.locator('#controls label').all();
      expect((await control!.boundingBox())!.height).toBeGreaterThanOrEqual(44);
      await page.screenshot({ path: join(folder, `${width}-${scheme}.png`), fullPage: true });
      expect(complaints).toEqual([]);
    }
  },
);

test.runIf(path || process.env.REQUIRE_ALL === '1')('without scripts the same pages work by their forms', async () => {
  const context = await openBrowser(path!, { width: 1200, colorScheme: 'light', javaScriptEnabled: false });
  const page = await context.newPage();
  await page.goto(url);
  await page.locator('#q').fill('brkb');
  await page.getByRole('button', { name: 'Find' }).click();
  await page.getByRole('link', { name: 'BRK.B' }).click();
  expect(await page.locator('#chart svg').count()).toBe(1);
  await page.goto(`${url}/symbols?symbol=aapl`);
  expect(page.url()).toMatch(/symbol=AAPL$/);
  await page.getByRole('radio', { name: '5' }).check();
  await page.getByRole('button', { name: 'Show' }).click();
  expect(await page.locator('#view p').first().textContent()).toMatch(/5-session bars from/);
});
