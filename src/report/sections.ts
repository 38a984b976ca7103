import { sessionsBetween } from '../calendar/calendar.ts';
import { groupedReasons, readReasons } from '../records/reason.ts';
import { costText, type TaskStatus } from '../records/run.ts';
import { counted, duration, exchangeTime, figure, list } from '../text.ts';
import { figureOf, type Html, html, tableOf } from './html.ts';
import { type Extract, type History, type ReportedRun, type SymbolCandles, statusSentence } from './model.ts';
import { nextSteps } from './next-steps.ts';
import { candlePlot, coveragePlot, durationsPlot, type Plot, revisionsPlot, rowsPlot } from './plots.ts';
import { drawnStates, stateGraph } from './states.ts';

/** A part of the page; `id` is its anchor. */
export interface Section {
  id: string;
  title: string;
  body: Html;
}

/** What it came to, why, and whose data it is. */
export function headOf(run: ReportedRun): Html {
  const { session, status, kind, runId, startedAt, seconds, practice, notes, cost } = run;
  const what = kind === 'night' ? 'Night' : kind === 'task' ? 'Task' : kind === 'release' ? 'Release' : 'Backfill';
  return html`<h1>${what} of session ${session} <span class="status ${status}">${status}</span></h1>
${practice && html`<p class="practice"><strong>Practice data.</strong> These figures come from a practice market, not from a vendor.</p>`}
<p>${statusSentence(run)}</p>
<p class="quiet">Started ${exchangeTime(startedAt)}${seconds > 0 && html`, took ${duration(seconds)}`}. Run <code>${runId}</code>.${cost && html` ${costText(cost)}`}</p>
${listOf('Why', groupedReasons(readReasons(run)))}${listOf('Worth a look', notes)}`;
}

function listOf(title: string, lines: readonly string[]): Html | false {
  if (lines.length === 0) return false;
  return html`<h2 class="minor">${title}</h2>
<ul>
${lines.map((line) => html`<li>${line}</li>`)}
</ul>
`;
}

/** Writes the commands of a text as its reader types them. */
export type Typed = (text: string) => string;

export function stepsSection(run: ReportedRun, history: History, typed?: Typed): Section {
  const steps = nextSteps(run, history);
  const shown = (command: string) => (typed ? typed(command) : command);
  // A page that is kept may be read anywhere, and bakes in nobody's path.
  const elsewhere = !typed && steps.some(({ command }) => command);
  const body = html`<ol>
${steps.map(({ why, command }) => html`<li>${why}${command && html`<pre tabindex="0" aria-label="Command"><code>${shown(command)}</code></pre>`}</li>`)}
</ol>${elsewhere && html`<p class="quiet">Give commands in the folder of afterbell, or in the one you installed it in: elsewhere npx would look for a package of that name to download. They are about the data directory <code>.afterbell</code> there; for another one put <code>AFTERBELL_HOME=FOLDER</code> before them.</p>`}`;
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

const COVERED = 60;
const NIGHTS = 30;
const NAMED = 60;

/** Rows, coverage and durations: the night among the ones before it. */
export function pastSection(plot: Plot, run: ReportedRun, history: History): Section | undefined {
  const { rows, nights } = history;
  const pictures: Html[] = [];
  if (rows.length > 1) {
    const from = `${rows[0]!.date} to ${rows.at(-1)!.date}`;
    pictures.push(
      html`<h3>Rows per session</h3>${figureOf(`Rows of each published session, ${from}.`, rowsPlot(plot, rows))}`,
    );
  }
  const coverage = coverageOf(run, history);
  if (coverage.cells.length > 0) {
    const caption = `What became of each dataset in the last ${counted(coverage.sessions.length, 'session')}; blank: no night ran, and nothing is known.`;
    pictures.push(html`<h3>Coverage</h3>${figureOf(caption, coveragePlot(plot, coverage))}`);
  }
  const timed = nights.filter(({ datasets }) => datasets.some(({ seconds }) => seconds > 0)).slice(-NIGHTS);
  if (timed.length > 0) {
    const caption = `Seconds each dataset took in the last ${counted(timed.length, 'night')}; lanes run side by side.`;
    pictures.push(html`<h3>Duration</h3>${figureOf(caption, durationsPlot(plot, timed))}`);
  }
  if (pictures.length === 0) return undefined;
  return { id: 'past', title: 'Among earlier nights', body: html`${pictures}` };
}

/** Sessions × datasets. A session that a backfill brought has prices and nothing else that is known. */
export function coverageOf(run: ReportedRun, { held, nights }: Pick<History, 'held' | 'nights'>) {
  const sessions = sessionsBetween(held[0] ?? run.session, run.session).slice(-COVERED);
  const datasets = [...new Set(['prices', ...nights.flatMap((night) => night.datasets.map(({ name }) => name))])];
  const bySession = new Map(nights.map((night) => [night.session, night]));
  const have = new Set(held);
  const cells = sessions.flatMap((session, x) =>
    datasets.flatMap((name, y): [number, number, TaskStatus][] => {
      const status = bySession.get(session)?.datasets.find((set) => set.name === name)?.status;
      // A session that is held is covered, whatever a later night did not have to do.
      if (name === 'prices' && have.has(session) && (status === undefined || status === 'skipped'))
        return [[x, y, 'success']];
      return status ? [[x, y, status]] : [];
    }),
  );
  return { sessions, datasets, cells };
}

/** What is different from the session before. */
export function changesSection(plot: Plot, { revisions, symbols }: History): Section | undefined {
  const parts: Html[] = [];
  if (revisions.total > 0) {
    const named = revisions.largest.map(({ symbol, date, field, before, after }) => ({
      name: `${symbol} ${field} ${date}`,
      percent: ((after ?? 0) / (before || 1) - 1) * 100,
    }));
    const rows = revisions.largest.map(({ symbol, date, field, before, after }) => [
      symbol,
      date,
      field,
      String(before),
      String(after),
    ]);
    const number = true;
    const columns = [
      { title: 'symbol' },
      { title: 'date' },
      { title: 'field' },
      { title: 'before', number },
      { title: 'after', number },
    ];
    parts.push(
      html`<h3>Revisions</h3><p>${counted(revisions.total, 'bar')} of earlier sessions came with other values.</p>${
        named.length > 0 &&
        html`${figureOf('The largest changes of a price, in percent.', revisionsPlot(plot, named))}${tableOf('The same in figures.', columns, rows)}`
      }`,
    );
  }
  if (symbols) {
    const { before, added, vanished } = symbols;
    parts.push(html`<h3>Symbols</h3>
<p>Against ${before}: ${counted(added.length, 'symbol')} with a bar that had none${names(added)}; ${counted(vanished.length, 'symbol')} without one that had it${names(vanished)}.</p>`);
  }
  return parts.length > 0 ? { id: 'changes', title: 'What changed', body: html`${parts}` } : undefined;
}

function names(symbols: readonly string[]): string {
  if (symbols.length === 0) return '';
  return ` (${symbols.length > NAMED ? `${symbols.slice(0, NAMED).join(', ')} …` : list(symbols)})`;
}

export function candlesSection(plot: Plot, symbols: readonly SymbolCandles[]): Section | undefined {
  if (symbols.length === 0) return undefined;
  const body = html`<p class="quiet">Daily bars as traded; bars of several sessions adjusted for splits, the last one hollow while it is not complete. REPORT_SYMBOLS names the symbols.</p>
${symbols.map(({ symbol, series }, index) => html`<details${index === 0 && html` open`}><summary>${symbol}</summary>${candlesOf(plot, { symbol, series })}</details>`)}`;
  return { id: 'bars', title: 'Bars', body };
}

/** Every series of one symbol: the daily one wide, the others side by side. */
export function candlesOf(plot: Plot, { symbol, series }: SymbolCandles): Html {
  const [daily, windows] = [
    series.filter(({ sessions }) => sessions === 1),
    series.filter(({ sessions }) => sessions > 1),
  ];
  return html`${daily.map((one) => figureOf(`${symbol}, daily`, candlePlot(plot, symbol, one)))}
<div class="small">${windows.map((one) => html`<div>${candlePlot(plot, symbol, one)}<p>${one.sessions} sessions a bar</p></div>`)}</div>`;
}
