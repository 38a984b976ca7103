import { figure } from '../text.ts';
import { type ChartColours, candleOption, dayText } from './candle-option.ts';
import { type Html, html, tableOf } from './html.ts';
import { COLOUR, loadPlot } from './plots.ts';
import type { SymbolBars } from './symbol-bars.ts';
import type { ListedSymbol } from './symbol-search.ts';

/** Bars in the picture that is there before the script, and without it: a year. */
const DRAWN = 252;
const FIGURES = 20;
/** Shown as they are, so that no price is rounded away. */
const DIGITS = 6;

const COLOURS: ChartColours = {
  ink: COLOUR.ink,
  muted: COLOUR.muted,
  line: COLOUR.line,
  up: COLOUR.up,
  down: COLOUR.down,
  paper: COLOUR.paper,
  split: COLOUR.three,
  revision: COLOUR.two,
  company: COLOUR.five,
};

const BASIS = {
  traded: 'as traded',
  adjusted: 'adjusted for splits',
  total_return: 'adjusted for splits and dividends',
} as const;

/** The controls, the chart and what is to be known about its bars. Zoom, and a switch without a new page, need the script. */
export async function symbolContent(bars: SymbolBars, intervals: readonly number[]): Promise<Html> {
  return html`${controlsOf(bars, intervals)}
<div id="view">
<p>${summaryOf(bars)}</p>
${bars.unread.length > 0 && html`<div role="alert" class="practice"><p>Not everything could be read:</p><ul>${bars.unread.map((line) => html`<li>${line}</li>`)}</ul></div>`}
${bars.day.length > 0 && (await chartOf(bars))}
${splitsOf(bars)}${revisionsOf(bars)}${bars.day.length > 0 && figuresOf(bars)}
</div>`;
}

function controlsOf({ symbol, interval, prices }: SymbolBars, intervals: readonly number[]): Html {
  const choice = (sessions: number) =>
    html`<label><input type="radio" name="interval" value="${sessions}"${sessions === interval && html` checked`}> ${sessions === 1 ? 'daily' : sessions}</label>`;
  const fixed = interval > 1;
  return html`<form id="controls" action="/symbols" method="get"><input type="hidden" name="symbol" value="${symbol}">
<fieldset><legend>Sessions a bar</legend>${[1, ...intervals].map(choice)}</fieldset>
<label><input type="checkbox" name="prices" value="adjusted"${prices !== 'traded' && html` checked`}${fixed && html` disabled`}> Adjusted for splits</label>
<label><input type="checkbox" name="prices" value="total_return"${prices === 'total_return' && html` checked`}${fixed && html` disabled`}> and for dividends</label>
<button>Show</button>
</form>`;
}

function summaryOf({ symbol, interval, prices, day, end }: SymbolBars): string {
  const bars = interval === 1 ? 'daily bars' : `${interval}-session bars`;
  if (day.length === 0) return `The lake holds no ${bars} of ${symbol}.`;
  const basis = {
    traded: 'as traded, not adjusted',
    adjusted: 'adjusted for splits on the newest list, not for dividends',
    total_return: 'adjusted for splits and dividends on the newest lists',
  }[prices];
  return `${figure(day.length)} ${bars} from ${dayText(day[0]!)} to ${dayText(end.at(-1)!)}, ${basis}.`;
}

async function chartOf(bars: SymbolBars): Promise<Html> {
  const { symbol, interval, marks } = bars;
  const plot = await loadPlot();
  const shown = newestOf(bars, DRAWN);
  const [last, prices] = [shown.day.length - 1, BASIS[bars.prices]];
  const label = `${symbol}, ${shown.day.length} ${interval === 1 ? 'daily bars' : `${interval}-session bars`} ${prices}; the last is of ${dayText(shown.day[last]!)} and closed at ${priceText(shown.close[last]!)}.`;
  const picture = plot(candleOption(shown, COLOURS, { backgroundColor: 'transparent' }), {
    width: 920,
    height: 420,
    label,
  });
  const { day, end, open, high, low, close, volume, open_window } = bars;
  const data = JSON.stringify({ day, end, open, high, low, close, volume, open_window, marks });
  const has = (kind: string) => marks.some((mark) => mark.kind === kind);
  return html`<div id="zoom" role="group" aria-label="Time shown" hidden></div>
<p id="readout" role="status"></p>
<div id="chart" class="wide plot" role="group" aria-label="${label}" aria-describedby="keys" tabindex="0" data-bars="${data}">${picture}</div>
<p id="keys" class="quiet" hidden>With the chart focused: ← → move from bar to bar, + and − zoom, Home and End go to the first and last bar. A wheel or two fingers zoom, too.</p>
<p class="quiet">${interval > 1 && open_window >= 0 && html`The hollow bar is not complete. `}${has('split') && html`▲ a split, its ratio beside it. `}${has('revision') && html`● a bar that a later fetch brought with other values. `}${has('company') && html`◆ from here on another company carries the symbol.`}</p>`;
}

/** The last bars, with their marks. Pure. */
function newestOf(bars: SymbolBars, count: number): SymbolBars {
  const from = Math.max(bars.day.length - count, 0);
  const cut = (column: number[]) => column.slice(from);
  return {
    ...bars,
    day: cut(bars.day),
    end: cut(bars.end),
    open: cut(bars.open),
    high: cut(bars.high),
    low: cut(bars.low),
    close: cut(bars.close),
    volume: cut(bars.volume),
    open_window: bars.open_window < 0 ? -1 : bars.open_window - from,
    marks: bars.marks.filter(({ place }) => place >= from).map((mark) => ({ ...mark, place: mark.place - from })),
  };
}

function splitsOf({ splits }: SymbolBars): Html | false {
  if (splits.length === 0) return false;
  const rows = splits.map(({ execution_date, split_from, split_to }) => [
    execution_date,
    `${split_to} for ${split_from}`,
  ]);
  const columns = [{ title: 'first session on the new basis' }, { title: 'shares' }];
  return html`<section><h2>Splits</h2>${tableOf('Splits in force on the newest session.', columns, rows)}</section>`;
}

function revisionsOf({ revisions }: SymbolBars): Html | false {
  if (revisions.length === 0) return false;
  const rows = revisions.map(({ date, kind, at, changes }) => [
    date,
    kind,
    at.slice(0, 19).replace('T', ' '),
    changes.join(', '),
  ]);
  const columns = [{ title: 'session' }, { title: 'was' }, { title: 'fetched (UTC)' }, { title: 'values', long: true }];
  return html`<section><h2>Revisions</h2>${tableOf('Bars that a later fetch brought with other values.', columns, rows)}</section>`;
}

function figuresOf(bars: SymbolBars): Html {
  const number = true;
  const titles = ['open', 'high', 'low', 'close', 'volume'];
  const columns = [
    { title: bars.interval === 1 ? 'session' : 'first session' },
    ...(bars.interval === 1 ? [] : [{ title: 'last session' }]),
    ...titles.map((title) => ({ title, number })),
  ];
  const rows = Array.from({ length: Math.min(FIGURES, bars.day.length) }, (_, index) => {
    const row = bars.day.length - 1 - index;
    const prices = [bars.open, bars.high, bars.low, bars.close].map((column) => priceText(column[row]!));
    const dates = bars.interval === 1 ? [dayText(bars.day[row]!)] : [dayText(bars.day[row]!), dayText(bars.end[row]!)];
    return [...dates, ...prices, figure(bars.volume[row]!)];
  });
  return html`<details><summary>The last ${rows.length} bars in figures</summary>${tableOf('The newest first.', columns, rows)}</details>`;
}

function priceText(price: number): string {
  return price.toLocaleString('en-US', { maximumFractionDigits: DIGITS });
}

/** Symbols as links, each with its company's name. */
export function symbolLinks(symbols: readonly ListedSymbol[]): Html {
  return html`<ul>${symbols.map(({ symbol, name }) => html`<li><a href="${symbolPath(symbol)}">${symbol}</a>${name !== '' && html` ${name}`}</li>`)}</ul>`;
}

export function symbolPath(symbol: string): string {
  return `/symbols?symbol=${encodeURIComponent(symbol)}`;
}
