import type { Lake } from '../lake/lake.ts';
import type { NightReport } from '../records/run.ts';
import { duration, exchangeTime } from '../text.ts';
import { readHistory, symbolCandles } from './data.ts';
import { documentOf, type Html, html, tableOf } from './html.ts';
import { reportPage } from './page.ts';
import { loadPlot } from './plots.ts';
import { candlesOf, type Typed } from './sections.ts';

const FORM = html`<form action="/symbols" method="get" role="search"><label>Bars of symbol <input name="symbol" required autocomplete="off" spellcheck="false" placeholder="AAPL"></label> <button>Draw</button></form>`;

/**
 * Pure: every night, the newest first, and a way to any symbol's bars.
 * @param unread reports that could not be read, a sentence each
 */
export function nightsPage(nights: readonly NightReport[], unread: readonly string[] = []): string {
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
  return shell(
    'Nights',
    html`${nights[0]?.practice && html`<p class="practice"><strong>Practice data.</strong></p>`}${FORM}${table}${missing}`,
  );
}

/** A night's report as it would be rendered now. */
export async function nightPage(
  lake: Lake,
  report: NightReport,
  symbols: readonly string[],
  typed?: Typed,
): Promise<string> {
  return reportPage(report, await readHistory(lake, report, symbols), typed);
}

/** Every series of one symbol; undefined when the lake holds no bar of it. @throws Lake.Corrupt */
export async function symbolPage(lake: Lake, symbol: string): Promise<string | undefined> {
  const [found] = await symbolCandles(lake, [symbol]);
  if (!found) return undefined;
  return shell(symbol, html`${FORM}${candlesOf(await loadPlot(), found)}`);
}

export function notFoundPage(title: string, text: string): string {
  return shell(title, html`<p>${text}</p>${FORM}`);
}

function shell(title: string, content: Html): string {
  const body = html`<header><nav aria-label="Pages"><ul><li><a href="/">All nights</a></li></ul></nav><h1>${title}</h1></header>
<main>${content}</main>`;
  return documentOf(`afterbell: ${title}`, body, { form: true });
}
