import { figureOf, tableOf } from './document.ts';
import type { Extract, History, ReportedRun } from './history.ts';
import { type Html, html } from './markup.ts';
import { nextSteps } from './next-steps.ts';
import { stateGraph } from './state-graph.ts';
import { drawnStates } from './states.ts';
import { counted, duration, exchangeTime, figure, statusSentence } from './words.ts';

/** A part of the page; `id` is its anchor. */
export interface Section {
  id: string;
  title: string;
  body: Html;
}

/** What it came to, why, and whose data it is. */
export function headOf(run: ReportedRun): Html {
  const { session, status, kind, runId, startedAt, seconds, practice, reasons, notes } = run;
  const what = kind === 'night' ? 'Night' : kind === 'task' ? 'Task' : kind === 'release' ? 'Release' : 'Backfill';
  return html`<h1>${what} of session ${session} <span class="status ${status}">${status}</span></h1>
${practice && html`<p class="practice"><strong>Practice data.</strong> These figures come from a practice market, not from a vendor.</p>`}
<p>${statusSentence(run)}</p>
<p class="quiet">Started ${exchangeTime(startedAt)}${seconds > 0 && html`, took ${duration(seconds)}`}. Run <code>${runId}</code>.</p>
${listOf('Why', reasons)}${listOf('Worth a look', notes)}`;
}

function listOf(title: string, lines: readonly string[]): Html | false {
  if (lines.length === 0) return false;
  return html`<h2 class="minor">${title}</h2>
<ul>
${lines.map((line) => html`<li>${line}</li>`)}
</ul>
`;
}

export function stepsSection(run: ReportedRun, history: History): Section {
  const steps = nextSteps(run, history);
  const body = html`<ol>
${steps.map(({ why, command }) => html`<li>${why}${command && html`<pre tabindex="0" aria-label="Command"><code>${command}</code></pre>`}</li>`)}
</ol>`;
  return { id: 'next', title: 'What to do next', body };
}

export function datasetsSection({ datasets }: ReportedRun): Section | undefined {
  if (datasets.length === 0) return undefined;
  const number = true;
  const columns = [
    { title: 'dataset' },
    { title: 'status', word: true },
    ...['rows', 'new', 'changed', 'revised', 'rejected', 'pages', 'seconds'].map((title) => ({ title, number })),
  ];
  const rows = datasets.map((set) => [
    set.name,
    set.status,
    ...[set.rows, set.new, set.changed, set.revised, set.rejected, set.pages].map(figure),
    set.seconds.toFixed(1),
  ]);
  return { id: 'datasets', title: 'Datasets', body: tableOf('What each dataset came to.', columns, rows) };
}

/** The machine as it went, drawn and in words. */
export async function statesSection(run: ReportedRun): Promise<Section> {
  const states = drawnStates(run);
  const title = 'How it went';
  if (!states) {
    const body = html`<p>This run left no record of its states: it ended before its verdict, or was made by an earlier version.</p>`;
    return { id: 'states', title, body };
  }
  const number = true;
  const columns = [
    { title: 'state' },
    { title: 'item' },
    { title: 'seconds', number },
    { title: 'retries', number },
    { title: 'pages', number },
    { title: 'error' },
  ];
  const rows = (run.stages ?? []).map(({ state, item = '', seconds, retries, pages, error = '' }) => [
    state,
    item,
    seconds === undefined ? '' : seconds.toFixed(1),
    figure(retries),
    pages === undefined ? '' : figure(pages),
    error,
  ]);
  const caption =
    'Filled green: done; red: an error was caught there; dashed: not reached; outlined: steers, or follows the verdict, and is not measured. Seconds are from entry to exit, waits and retries included.';
  return {
    id: 'states',
    title,
    body: html`${figureOf(caption, await stateGraph(states))}
<details><summary>The same as a table</summary>${tableOf('States with time, retries and pages.', columns, rows)}</details>`,
  };
}

export function extractSection(id: string, title: string, extract: Extract | null, file: string): Section | undefined {
  if (!extract || extract.total === 0) return undefined;
  const { total, counts, head, rows } = extract;
  const kinds = counts.map(({ words, count }) => html`<li>${words.join(': ')}: ${figure(count)}</li>`);
  const long = (name: string) => name === 'row' || name === 'reason';
  const body = html`<p>${counted(total, 'row')}; all of them are in <code>${file}</code>.</p>
<ul>
${kinds.slice(0, 30)}
</ul>
<details><summary>${counted(rows.length, 'row')} of them</summary>${tableOf(
    `Some rows of ${file}.`,
    head.map((name) => ({ title: name, long: long(name) })),
    rows,
  )}</details>`;
  return { id, title, body };
}
