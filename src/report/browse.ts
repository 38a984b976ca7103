import { type Lake, listAll } from '../lake/lake.ts';
import { readReport } from '../lake/reports.ts';
import type { NightReport } from '../records/run.ts';
import { duration, exchangeTime } from '../text.ts';
import { readHistory } from './data.ts';
import { documentOf, type Html, html, tableOf } from './html.ts';
import { reportPage } from './page.ts';
import type { Typed } from './sections.ts';

/** What every served page has around its content. */
export interface Frame {
  practice: boolean;
  /** Path of the script; pages work without it, too. */
  script?: string | undefined;
  /** What stands in the search box. */
  asked?: string;
}

const WAYS = html`<nav aria-label="Pages"><ul><li><a href="/">Nights</a></li><li><a href="/lists">Reference lists</a></li></ul></nav>`;

/** Every night, the newest first, and which reports could not be read. */
export async function nightsPage(lake: Lake, frame: Frame): Promise<string> {
  const { nights, unread } = await readNights(lake);
  const rows = nights.map(({ session, status, kind, startedAt, seconds, reasons }) => [
    html`<a href="/nights/${session}">${session}</a>`,
    status,
    kind,
    exchangeTime(startedAt),
    duration(seconds),
    reasons[0] ?? '',
  ]);
  const columns = [
    { title: 'session' },
    { title: 'status', word: true },
    { title: 'kind' },
    { title: 'started' },
    { title: 'took', number: true },
    { title: 'first reason', long: true },
  ];
  const table =
    rows.length > 0
      ? tableOf('Every night, the newest first.', columns, rows)
      : unread.length === 0 && html`<p>No night has run yet. Start one with <code>npx afterbell night</code>.</p>`;
  const missing =
    unread.length > 0 &&
    html`<section><h2>What could not be read</h2><ul>${unread.map((line) => html`<li>${line}</li>`)}</ul></section>`;
  return framedPage('Nights', html`${table}${missing}`, frame);
}

/** Every night, the newest first, and why one cannot be shown. */
async function readNights(lake: Lake): Promise<{ nights: NightReport[]; unread: string[] }> {
  const files = (await listAll(lake, 'reports/date='))
    .map(({ key }) => key)
    .filter((key) => key.endsWith('/night.json'));
  const read = await Promise.all(files.reverse().map((key) => readReport(lake, key).catch((error: Error) => error)));
  return {
    nights: read.flatMap((one) => (one === undefined || one instanceof Error ? [] : [one])),
    unread: read.flatMap((one) => (one instanceof Error ? [one.message] : [])),
  };
}

/** A night's report as it would be rendered now. */
export async function nightPage(
  lake: Lake,
  report: NightReport,
  symbols: readonly string[],
  typed?: Typed,
): Promise<string> {
  return reportPage(report, await readHistory(lake, report, symbols), typed, WAYS);
}

/** A page that says one thing. */
export function notePage(title: string, note: string | Html, frame: Frame): string {
  return framedPage(title, typeof note === 'string' ? html`<p>${note}</p>` : note, frame);
}

/** A served page: ways to the others, the search box, and first of all whether these are practice data. */
export function framedPage(title: string, content: Html, { practice, script, asked = '' }: Frame, name = ''): string {
  const body = html`<a class="skip" href="#content">Skip to the content</a>
<header class="served">
${WAYS}
<form id="search" action="/search" method="get" role="search"><label for="q">Symbol or company</label>
<span class="box"><input id="q" name="q" value="${asked}" required maxlength="100" autocomplete="off" autocapitalize="off" spellcheck="false" placeholder="AAPL"></span> <button>Find</button></form>
</header>
<main id="content">
<h1>${title}${name !== '' && html` <span class="name">${name}</span>`}</h1>
${practice && html`<p class="practice"><strong>Practice data.</strong> Made up by a practice market, not by a vendor.</p>`}
${content}
</main>`;
  return documentOf(`afterbell: ${title}`, body, { served: { script } });
}
