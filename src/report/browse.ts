import type { Lake } from '../lake/lake.ts';
import { readHistory } from './data.ts';
import { documentOf, type Html, html } from './html.ts';
import type { ReportedRun } from './model.ts';
import { reportPage } from './page.ts';
import type { Typed } from './sections.ts';

/** What every served page has around its content. */
export interface Frame {
  practice: boolean;
  /** They are real bars that a practice market served again. */
  replayed?: boolean | undefined;
  /** Path of the script; pages work without it, too. */
  script?: string | undefined;
  /** What stands in the search box. */
  asked?: string;
}

const WAYS = html`<nav aria-label="Pages"><ul><li><a href="/">Nights</a></li><li><a href="/lists">Reference lists</a></li></ul></nav>`;

/** A run's report as it would be rendered now. */
export async function runPage(
  lake: Lake,
  run: ReportedRun,
  symbols: readonly string[],
  typed?: Typed,
): Promise<string> {
  return reportPage(run, await readHistory(lake, run, symbols), typed, WAYS);
}

/** A page that says one thing. */
export function notePage(title: string, note: string | Html, frame: Frame): string {
  return framedPage(title, typeof note === 'string' ? html`<p>${note}</p>` : note, frame);
}

/** A served page: ways to the others, the search box, and first of all whether these are practice data. */
export function framedPage(
  title: string,
  content: Html,
  { practice, replayed, script, asked = '' }: Frame,
  name = '',
): string {
  const body = html`<a class="skip" href="#content">Skip to the content</a>
<header class="served">
${WAYS}
<form id="search" action="/search" method="get" role="search"><label for="q">Symbol or company</label>
<span class="box"><input id="q" name="q" value="${asked}" required maxlength="100" autocomplete="off" autocapitalize="off" spellcheck="false" placeholder="AAPL"></span> <button>Find</button></form>
</header>
<main id="content">
<h1>${title}${name !== '' && html` <span class="name">${name}</span>`}</h1>
${practice && html`<p class="practice"><strong>Practice data.</strong> ${replayed ? 'Real bars, replayed by a practice market; reference lists and company data are made up.' : 'Made up by a practice market, not by a vendor.'}</p>`}
${content}
</main>`;
  return documentOf(`afterbell: ${title}`, body, { served: { script } });
}
