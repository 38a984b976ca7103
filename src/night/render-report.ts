import { NamedError } from '../errors.ts';
import { keys } from '../lake/keys.ts';
import { type Lake, readJson, writeIfChanged } from '../lake/lake.ts';
import type { NightReport } from './night.ts';
import type { ReportedRun } from './report/history.ts';
import { reportPage } from './report/page.ts';
import { readHistory } from './report/read-history.ts';

/**
 * Renders the page of the report at `key` beside it; returns the page's key.
 * @param symbols whose bars are drawn. Chunks of a backfill and single tasks get a page without the plots: nobody
 *   reads them in the morning, and there may be many
 */
export async function renderReport(key: string, lake: Lake, symbols: readonly string[]): Promise<string> {
  const report = await readJson<NightReport>(lake, key);
  if (!report) throw new NamedError('Data.Invalid', { what: `there is no report ${key}`, wanted: 'a closed night' });
  const whole = report.kind === 'night' || report.kind === 'release';
  return writePage(lake, report, pageKey(key), whole ? symbols : []);
}

/** Renders any run, closed or not, to this key. */
export async function writePage(
  lake: Lake,
  run: ReportedRun,
  key: string,
  symbols: readonly string[],
): Promise<string> {
  const page = await reportPage(run, await readHistory(lake, run, symbols));
  await writeIfChanged(lake, key, Buffer.from(page));
  return key;
}

/** `night.json` → `index.html`, `run=….json` → `run=….html` */
function pageKey(key: string): string {
  const [, date = '', file = ''] = /date=([^/]+)\/(.*)\.json$/.exec(key) ?? [];
  return keys.report(date, file === 'night' ? 'index.html' : `${file}.html`);
}
