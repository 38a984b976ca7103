import { loadPlot } from './charts.ts';
import { documentOf } from './document.ts';
import type { History, ReportedRun } from './history.ts';
import { html } from './markup.ts';
import { candlesSection, changesSection, pastSection } from './plot-sections.ts';
import { datasetsSection, extractSection, headOf, type Section, statesSection, stepsSection } from './sections.ts';

/**
 * The report of one run as one self-contained page: no scripts, nothing fetched, light and dark. The same run and
 * history give the same bytes.
 */
export async function reportPage(run: ReportedRun, history: History): Promise<string> {
  const plot = await loadPlot();
  const { session, status } = run;
  const sections = [
    stepsSection(run, history),
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
    extractSection('quarantine', 'Quarantine', history.quarantine, `quarantine/date=${session}.jsonl`),
    extractSection('reconcile', 'Where lists disagree', history.reconcile, `reports/date=${session}/reconcile.parquet`),
    candlesSection(plot, history.candles),
    unreadSection(history.unread),
  ].filter((section): section is Section => section !== undefined);
  const body = html`<a class="skip" href="#next">Skip to what to do next</a>
<header>
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

function unreadSection(unread: readonly string[]): Section | undefined {
  if (unread.length === 0) return undefined;
  const body = html`<ul>${unread.map((line) => html`<li>${line}</li>`)}</ul>`;
  return { id: 'unread', title: 'What could not be read', body };
}
