// The script of the served pages, bundled for the browser: suggestions under the search box, and on a symbol's page a
// chart to zoom and to walk through, and switches that need no new page. Every page works without it.
import { BarChart, CandlestickChart, ScatterChart } from 'echarts/charts';
import { AxisPointerComponent, DataZoomComponent, GridComponent } from 'echarts/components';
import { init, use } from 'echarts/core';
import { CanvasRenderer } from 'echarts/renderers';
import { candleOption, dayText } from './candle-option.ts';

use([AxisPointerComponent, BarChart, CandlestickChart, CanvasRenderer, DataZoomComponent, GridComponent, ScatterChart]);

const byId = (id) => document.getElementById(id);

/** An element with a text, which is never read as markup. */
function element(name, text, attributes = {}) {
  const made = document.createElement(name);
  made.textContent = text;
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}

// --- Search: a combobox over /suggest. ---

const SUGGEST_MS = 60;

function startSearch() {
  const box = byId('q');
  const list = element('ul', '', { id: 'options', role: 'listbox', 'aria-label': 'Symbols' });
  list.hidden = true;
  box.after(list);
  for (const [key, value] of Object.entries({
    role: 'combobox',
    'aria-autocomplete': 'list',
    'aria-controls': 'options',
    'aria-expanded': 'false',
  }))
    box.setAttribute(key, value);
  let timer;
  let asked = 0;
  let chosen = -1;

  const close = () => {
    list.hidden = true;
    chosen = -1;
    box.setAttribute('aria-expanded', 'false');
    box.removeAttribute('aria-activedescendant');
  };
  const choose = (place) => {
    chosen = place;
    for (const [index, option] of [...list.children].entries())
      option.setAttribute('aria-selected', String(index === place));
    const option = list.children[place];
    if (!option) return box.removeAttribute('aria-activedescendant');
    box.setAttribute('aria-activedescendant', option.id);
    option.scrollIntoView({ block: 'nearest' });
  };
  const go = (option) => {
    location.href = `/symbols?symbol=${encodeURIComponent(option.dataset.symbol)}`;
  };
  const suggest = async () => {
    asked += 1;
    const own = asked;
    const answer = await fetch(`/suggest?q=${encodeURIComponent(box.value)}`).catch(() => undefined);
    const found = answer?.ok ? await answer.json() : [];
    // An answer to what stood there before would replace a newer one.
    if (own !== asked || document.activeElement !== box) return;
    const options = found.map(({ symbol, name }, index) => {
      const option = element('li', '', { id: `option-${index}`, role: 'option', 'aria-selected': 'false' });
      option.dataset.symbol = symbol;
      option.append(element('b', symbol), name);
      // Before the box loses the focus.
      option.addEventListener('pointerdown', (event) => event.preventDefault());
      option.addEventListener('click', () => go(option));
      return option;
    });
    list.replaceChildren(...options);
    if (options.length === 0) return close();
    list.hidden = false;
    box.setAttribute('aria-expanded', 'true');
    choose(-1);
  };
  box.addEventListener('input', () => {
    clearTimeout(timer);
    timer = setTimeout(suggest, SUGGEST_MS);
  });
  box.addEventListener('blur', close);
  box.addEventListener('keydown', (event) => {
    const count = list.hidden ? 0 : list.children.length;
    if (event.key === 'ArrowDown' || event.key === 'ArrowUp') {
      event.preventDefault();
      if (count === 0) return suggest();
      const step = event.key === 'ArrowDown' ? 1 : -1;
      // Beyond either end stands what was typed.
      choose(((chosen + 1 + step + count + 1) % (count + 1)) - 1);
    } else if (event.key === 'Escape') close();
    else if (event.key === 'Enter' && count > 0 && chosen >= 0) {
      event.preventDefault();
      go(list.children[chosen]);
    }
  });
  document.addEventListener('keydown', (event) => {
    const typing = /^(INPUT|TEXTAREA|SELECT)$/.test(document.activeElement?.tagName ?? '');
    if (event.key !== '/' || typing || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    box.focus();
    box.select();
  });
}

// --- The chart. ---

/** Sessions shown by each button. */
const SPANS = [
  ['1 month', 21],
  ['3 months', 63],
  ['6 months', 126],
  ['1 year', 252],
  ['All', Number.POSITIVE_INFINITY],
];
const YEAR = 252;
const FEWEST = 5;
let stopChart = () => {};

function startChart() {
  stopChart();
  const place = byId('chart');
  if (!place) return;
  const bars = JSON.parse(place.dataset.bars);
  const count = bars.day.length;
  const each = Number(document.querySelector('#controls [name=interval]:checked')?.value ?? 1);
  place.replaceChildren();
  place.classList.add('drawn');
  const chart = init(place, null, { renderer: 'canvas' });
  let shown = [Math.max(count - Math.ceil(YEAR / each), 0), count - 1];
  let at = count - 1;

  const draw = () => {
    const style = getComputedStyle(document.documentElement);
    const colour = (name) => style.getPropertyValue(`--${name}`).trim();
    const names = ['ink', 'muted', 'line', 'up', 'down', 'paper'];
    const colours = Object.fromEntries(names.map((name) => [name, colour(name)]));
    Object.assign(colours, { split: colour('three'), revision: colour('two'), company: colour('five') });
    const zoom = { xAxisIndex: [0, 1], startValue: shown[0], endValue: shown[1], minValueSpan: FEWEST - 1 };
    const option = candleOption(bars, colours);
    for (const axis of option.xAxis)
      axis.axisPointer = { show: true, type: 'line', label: { show: false }, lineStyle: { color: colours.muted } };
    chart.setOption(
      {
        ...option,
        animation: false,
        textStyle: { fontFamily: 'inherit', fontSize: 12 },
        axisPointer: { link: [{ xAxisIndex: 'all' }], triggerTooltip: false },
        dataZoom: [
          { type: 'inside', ...zoom, zoomOnMouseWheel: true, preventDefaultMouseMove: false },
          {
            type: 'slider',
            ...zoom,
            bottom: 8,
            height: 26,
            showDetail: false,
            brushSelect: false,
            borderColor: colours.line,
            fillerColor: `${colours.muted}33`,
            handleStyle: { color: colours.paper, borderColor: colours.muted },
            dataBackground: { lineStyle: { color: colours.muted }, areaStyle: { color: colours.line } },
            selectedDataBackground: { lineStyle: { color: colours.muted }, areaStyle: { color: colours.muted } },
          },
        ],
      },
      { notMerge: true },
    );
    note();
  };
  /** What is shown, for whoever asks the page, and the button that stands for it. */
  const note = () => {
    place.dataset.shown = `${dayText(bars.day[shown[0]])} ${dayText(bars.day[shown[1]])}`;
    for (const button of byId('zoom').children) {
      const wanted = Math.max(count - Math.ceil(Number(button.dataset.sessions) / each), 0);
      button.setAttribute('aria-pressed', String(shown[0] === wanted && shown[1] === count - 1));
    }
  };
  const zoomTo = (from, to) => {
    const size = Math.min(Math.max(to - from, FEWEST - 1), count - 1);
    const start = Math.min(Math.max(Math.round(from), 0), Math.max(count - 1 - size, 0));
    shown = [start, Math.round(start + size)];
    chart.dispatchAction({ type: 'dataZoom', startValue: shown[0], endValue: shown[1] });
  };
  const read = (index, aloud) => {
    at = Math.min(Math.max(index, 0), count - 1);
    const readout = byId('readout');
    readout.setAttribute('aria-live', aloud ? 'polite' : 'off');
    const price = (value) => value.toLocaleString('en-US', { minimumFractionDigits: 2, maximumFractionDigits: 4 });
    const end = bars.end[at] === bars.day[at] ? '' : ` to ${dayText(bars.end[at])}`;
    const change = at > 0 ? (bars.close[at] / bars.close[at - 1] - 1) * 100 : undefined;
    const pairs = [
      ['open', price(bars.open[at])],
      ['high', price(bars.high[at])],
      ['low', price(bars.low[at])],
      ['close', price(bars.close[at])],
      ...(change === undefined ? [] : [['change', `${change < 0 ? '' : '+'}${change.toFixed(2)} %`]]),
      ['volume', bars.volume[at].toLocaleString('en-US', { maximumFractionDigits: 0 })],
      ...bars.marks
        .filter((mark) => mark.place === at)
        .map(({ kind, text }) => [kind === 'company' ? 'another company from here' : kind, text]),
      ...(at === bars.open_window ? [['not complete', '']] : []),
    ];
    const parts = pairs.flatMap(([name, value]) => {
      const pair = element('span', '');
      pair.append(element('b', name), ` ${value}`);
      return [' ', pair];
    });
    readout.replaceChildren(`${dayText(bars.day[at])}${end}`, ...parts);
  };
  const point = (index) => {
    read(index, true);
    const size = shown[1] - shown[0];
    if (at < shown[0]) zoomTo(at, at + size);
    else if (at > shown[1]) zoomTo(at - size, at);
    chart.dispatchAction({ type: 'updateAxisPointer', xAxisIndex: 0, value: at, ...pixels(at) });
  };
  const pixels = (index) => {
    const [x, y] = chart.convertToPixel({ seriesIndex: 0 }, [index, bars.close[index]]);
    return { x, y };
  };
  const scale = (factor) => {
    const size = Math.max((shown[1] - shown[0]) * factor, FEWEST - 1);
    const inside = at >= shown[0] && at <= shown[1];
    const middle = inside ? (at - shown[0]) / Math.max(shown[1] - shown[0], 1) : 1;
    const centre = shown[0] + middle * (shown[1] - shown[0]);
    zoomTo(centre - middle * size, centre + (1 - middle) * size);
  };

  chart.on('datazoom', () => {
    const { startValue, endValue } = chart.getOption().dataZoom[0];
    shown = [startValue, endValue];
    note();
  });
  chart.on('updateAxisPointer', ({ axesInfo }) => {
    const value = axesInfo?.find(({ axisDim }) => axisDim === 'x')?.value;
    if (value !== undefined && value !== at) read(value, false);
  });
  const keys = {
    ArrowLeft: () => point(at - 1),
    ArrowRight: () => point(at + 1),
    Home: () => point(0),
    End: () => point(count - 1),
    '+': () => scale(1 / 2),
    '=': () => scale(1 / 2),
    '-': () => scale(2),
  };
  place.onkeydown = (event) => {
    const act = keys[event.key];
    if (!act || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    act();
  };
  const buttons = byId('zoom');
  buttons.hidden = false;
  buttons.replaceChildren(
    ...SPANS.filter(([, sessions], index) => index === SPANS.length - 1 || sessions / each < count).map(
      ([name, sessions]) => {
        const button = element('button', name, { type: 'button', 'data-sessions': sessions });
        button.addEventListener('click', () => zoomTo(count - Math.ceil(sessions / each), count - 1));
        return button;
      },
    ),
  );
  byId('keys').hidden = false;
  const dark = matchMedia('(prefers-color-scheme: dark)');
  dark.addEventListener('change', draw);
  const size = new ResizeObserver(() => chart.resize());
  size.observe(place);
  stopChart = () => {
    dark.removeEventListener('change', draw);
    size.disconnect();
    chart.dispose();
  };
  draw();
  read(count - 1, false);
}

// --- Interval and adjusted prices: the same page, of which only the view is replaced. ---

function startControls() {
  const form = byId('controls');
  if (!form) return;
  form.querySelector('button').hidden = true;
  const [adjusted, dividends] = form.querySelectorAll('[name=prices]');
  let asked = 0;
  form.addEventListener('change', async (event) => {
    const interval = form.querySelector('[name=interval]:checked').value;
    // Bars of several sessions are stored adjusted; daily ones come as they were traded, unless that is asked for.
    if (event.target.name === 'interval') {
      for (const box of [adjusted, dividends]) box.disabled = interval !== '1';
      adjusted.checked = interval !== '1';
      dividends.checked = false;
    }
    // Dividends come on top of splits.
    if (event.target === dividends && dividends.checked) adjusted.checked = true;
    if (event.target === adjusted && !adjusted.checked) dividends.checked = false;
    const params = new URLSearchParams({ symbol: form.querySelector('[name=symbol]').value, interval });
    if (adjusted.checked) params.set('prices', dividends.checked ? 'total_return' : 'adjusted');
    asked += 1;
    const own = asked;
    const view = byId('view');
    view.setAttribute('aria-busy', 'true');
    const answer = await fetch(`/symbols?${params}`).catch(() => undefined);
    if (own !== asked) return;
    // Whatever it says instead is a page of its own.
    if (!answer?.ok) return location.assign(`/symbols?${params}`);
    const next = new DOMParser().parseFromString(await answer.text(), 'text/html').getElementById('view');
    if (own !== asked) return;
    view.replaceWith(document.adoptNode(next));
    history.replaceState(null, '', `/symbols?${params}`);
    startChart();
  });
}

startSearch();
startControls();
startChart();
