import { sessionsBetween } from '../../calendar/sessions.ts';
import type { TaskStatus } from '../night.ts';
import { candlePlot } from './candle-plot.ts';
import type { Plot } from './charts.ts';
import { figureOf, tableOf } from './document.ts';
import type { History, ReportedRun, SymbolCandles } from './history.ts';
import { type Html, html } from './markup.ts';
import { coveragePlot, durationsPlot, revisionsPlot, rowsPlot } from './plots.ts';
import type { Section } from './sections.ts';
import { counted, list } from './words.ts';

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
      html`<h3>Rows per session</h3>${figureOf(`Rows of each session held, ${from}.`, rowsPlot(plot, rows))}`,
    );
  }
  const coverage = coverageOf(run, history);
  if (coverage.cells.length > 0) {
    const caption = `What became of each dataset in the last ${coverage.sessions.length} sessions; blank: no night ran, and nothing is known.`;
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
