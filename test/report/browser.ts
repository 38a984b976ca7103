import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { type BrowserContext, chromium, type Page } from 'playwright-core';
import { afterThisTest } from '../cleanup.ts';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];
const ARGUMENTS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** The browser of this machine, or undefined. */
export function browserPath(): string | undefined {
  const folders = (process.env.PATH ?? '').split(delimiter);
  return NAMES.flatMap((name) => folders.map((folder) => join(folder, name))).find((path) => existsSync(path));
}

/** A browser with a profile of its own, closed after the test. */
export async function openBrowser(
  path: string,
  options: { width: number; colorScheme: 'light' | 'dark'; javaScriptEnabled?: boolean },
): Promise<BrowserContext> {
  const profile = mkdtempSync(join(tmpdir(), 'afterbell-browser-'));
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: path,
    headless: true,
    args: ARGUMENTS,
    viewport: { width: options.width, height: 800 },
    colorScheme: options.colorScheme,
    javaScriptEnabled: options.javaScriptEnabled ?? true,
  });
  afterThisTest(async () => {
    await context.close();
    rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
  });
  return context;
}

export interface OpenPage {
  page: Page;
  /** URLs the page asked for. */
  requests: string[];
  /** What it wrote to the console, and its errors. */
  complaints: string[];
}

/** A page in a browser of its own. */
export async function openPage(
  path: string,
  url: string,
  options: { width: number; colorScheme: 'light' | 'dark' },
): Promise<OpenPage> {
  const context = await openBrowser(path, options);
  const page = await context.newPage();
  const [requests, complaints]: [string[], string[]] = [[], []];
  page.on('request', (request) => requests.push(request.url()));
  page.on('console', (message) => complaints.push(message.text()));
  page.on('pageerror', (error) => complaints.push(String(error)));
  await page.goto(url);
  return { page, requests, complaints };
}
