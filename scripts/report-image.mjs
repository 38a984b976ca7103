// Makes docs/images/report.png: the top of a practice night's report, as a browser shows it. Needs `make build` and
// Chromium. node scripts/report-image.mjs [DATA_DIRECTORY]: the newest report there, else that of a new night.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { chromium } from 'playwright-core';

/** A fixed session, so that the picture changes with the report only. */
const SESSION = '2026-11-20';
const SIZE = { width: 1040, height: 1000 };
const root = fileURLToPath(new URL('..', import.meta.url));
const executablePath = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable']
  .flatMap((name) => (process.env.PATH ?? '').split(delimiter).map((folder) => join(folder, name)))
  .find((path) => existsSync(path));
if (!executablePath) throw new Error('No Chromium found in PATH; install chromium and run this again.');

const scratch = mkdtempSync(join(tmpdir(), 'afterbell-picture-'));
try {
  const [directory = scratch] = process.argv.slice(2);
  if (directory === scratch) {
    execFileSync(process.execPath, [join(root, 'dist/cli/afterbell.mjs'), 'night', '--session', SESSION], {
      env: { ...process.env, AFTERBELL_HOME: scratch },
      cwd: scratch,
      stdio: 'ignore',
    });
  }
  const reports = join(directory, 'lake/reports');
  const newest = readdirSync(reports).sort().at(-1);
  const browser = await chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-gpu'] });
  const page = await browser.newPage({ viewport: SIZE, colorScheme: 'light' });
  await page.goto(pathToFileURL(join(reports, newest, 'index.html')).href);
  mkdirSync(join(root, 'docs/images'), { recursive: true });
  await page.screenshot({ path: join(root, 'docs/images/report.png') });
  await browser.close();
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
