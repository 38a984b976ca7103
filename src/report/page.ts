import { NamedError } from '../errors.ts';
import { keys, type Lake, readJson, writeIfChanged } from '../lake/lake.ts';
import type { NightReport } from '../records/run.ts';
import { readHistory, sessionsOf } from './data.ts';
import { documentOf, type Html, html } from './html.ts';
import type { History, ReportedRun } from './model.ts';
import { loadPlot } from './plots.ts';
import {
  candlesSection,
  changesSection,
  datasetsSection,
  extractSection,
  headOf,
  pastSection,
  type Section,
  statesSection,
  stepsSection,
  type Typed,
} from './sections.ts';

/**
 * The report of one run as one self-contained page: no scripts, nothing fetched, light and dark. The same run and
 * history give the same bytes.
 * @param typed writes commands as its reader types them; without it the page is kept, and names no data directory
 * @param ways to other pages, where it is served among them
 */
export async function reportPage(reported: ReportedRun, history: History, typed?: Typed, ways?: Html): Promise<string> {
  const plot = await loadPlot();
  const run = typed
    ? { ...reported, reasons: reported.reasons.map(typed), notes: reported.notes.map(typed) }
    : reported;
  const { session, status } = run;
  const sections = [
    stepsSection(run, history, typed),
    datasetsSection(run),
    await statesSection(run),
    pastSection(plot, run, history),
    changesSection(plot, history),
    extractSection(
      'listings',
      'New, vanished and renamed symbols',
      history.listings,
      `reference/{tickers,assets}_changes/date=${session}.parquet`,
    ),
    extractSection('quarantine', 'Quarantine', history.quarantine, quarantineFiles(run)),
    extractSection('reconcile', 'Where lists disagree', history.reconcile, `reports/date=${session}/reconcile.parquet`),
    candlesSection(plot, history.candles),
    unreadSection(history.unread),
  ].filter((section): section is Section => section !== undefined);
  const body = html`<a class="skip" href="#next">Skip to what to do next</a>
<header>${ways && html`\n${ways}`}
${headOf(run)}
<nav aria-label="Sections"><ul>${sections.map(({ id, title }) => html`<li><a href="#${id}">${title}</a></li>`)}</ul></nav>
</header>
<main>
${sections.map(
  ({
    id,
    title,
    body: content,
  }) => html`<section id="${id}" aria-labelledby="${id}-title"><h2 id="${id}-title">${title}</h2>
${content}
</section>`,
)}
</main>
<footer>${run.practice && html`Practice data. `}Made from <code>reports/date=${session}/</code> and the lake beside it. The page needs no network.</footer>`;
  return documentOf(`afterbell ${session}: ${status}`, body);
}

function quarantineFiles(run: ReportedRun): string {
  const [first, ...more] = sessionsOf(run);
  return more.length === 0 ? `quarantine/date=${first}.jsonl` : 'quarantine/';
}

function unreadSection(unread: readonly string[]): Section | undefined {
  if (unread.length === 0) return undefined;
  const body = html`<ul>${unread.map((line) => html`<li>${line}</li>`)}</ul>`;
  return { id: 'unread', title: 'What could not be read', body };
}

/**
 * Renders the page of the report at `key` beside it; returns the page's key.
 * @param symbols whose bars are drawn. Chunks of a backfill and single tasks get a page without the plots: nobody
 *   reads them in the morning, and there may be many
 */
export async function renderReport(
  key: string,
  lake: Lake,
  symbols: readonly string[],
  typed?: Typed,
): Promise<string> {
  const report = await readJson<NightReport>(lake, key);
  if (!report) throw new NamedError('Data.Invalid', { what: `there is no report ${key}`, wanted: 'a closed night' });
  const whole = report.kind === 'night' || report.kind === 'release';
  return writePage(lake, report, pageKey(key), whole ? symbols : [], typed);
}

/** Renders any run, closed or not, to this key. */
export async function writePage(
  lake: Lake,
  run: ReportedRun,
  key: string,
  symbols: readonly string[],
  typed?: Typed,
): Promise<string> {
  const page = await reportPage(run, await readHistory(lake, run, symbols), typed);
  await writeIfChanged(lake, key, Buffer.from(page));
  return key;
}

/** `night.json` → `index.html`, `run=….json` → `run=….html` */
function pageKey(key: string): string {
  const [, date = '', file = ''] = /date=([^/]+)\/(.*)\.json$/.exec(key) ?? [];
  return keys.report(date, file === 'night' ? 'index.html' : `${file}.html`);
}
