import type { EChartsCoreOption } from 'echarts/core';
import type { TaskStatus } from '../records/run.ts';
import { counted, duration } from '../text.ts';
import { type Html, html, trusted } from './html.ts';
import type { CandleSeries, History } from './model.ts';

const WIDTH = 640;
const STATUSES: readonly TaskStatus[] = ['success', 'partial', 'held', 'skipped', 'failed'];
const STAGE_ROLES: readonly Role[] = ['one', 'two', 'three', 'four', 'five', 'six'];

export function categories(data: readonly string[], more: object = {}): object {
  const axisLabel = { color: COLOUR.muted, hideOverlap: true };
  return {
    type: 'category',
    data,
    axisLine: { lineStyle: { color: COLOUR.line } },
    axisTick: { show: false },
    axisLabel,
    ...more,
  };
}

export function values(more: object = {}): object {
  return {
    type: 'value',
    axisLabel: { color: COLOUR.muted },
    splitLine: { lineStyle: { color: COLOUR.line } },
    ...more,
  };
}

/** Rows per session over the last year. */
export function rowsPlot(plot: Plot, rows: History['rows']): Html {
  const counts = rows.map((session) => session.rows);
  const option: EChartsCoreOption = {
    grid: { left: 56, right: 8, top: 12, bottom: 28 },
    xAxis: categories(rows.map(({ date }) => date)),
    yAxis: values(),
    series: [bars({ data: counts, barCategoryGap: rows.length > 60 ? 0 : '20%', itemStyle: { color: COLOUR.one } })],
  };
  const label = `Rows per session, ${rows[0]?.date} to ${rows.at(-1)?.date}: ${Math.min(...counts)} to ${Math.max(...counts)}.`;
  return plot(option, { width: WIDTH, height: 200, label });
}

/** One cell a session and dataset, coloured by what became of it. `cells`: session index, dataset index, status. */
export function coveragePlot(
  plot: Plot,
  {
    sessions,
    datasets,
    cells,
  }: { sessions: readonly string[]; datasets: readonly string[]; cells: readonly [number, number, TaskStatus][] },
): Html {
  const height = 60 + datasets.length * 24;
  const pieces = STATUSES.map((status, value) => ({ value, label: status, color: COLOUR[status] }));
  const option: EChartsCoreOption = {
    grid: { left: 110, right: 8, top: 34, bottom: 28 },
    xAxis: categories(sessions),
    yAxis: categories(datasets, { inverse: true }),
    visualMap: {
      type: 'piecewise',
      pieces,
      orient: 'horizontal',
      left: 110,
      top: 0,
      itemWidth: 14,
      itemHeight: 14,
      textStyle: { color: COLOUR.ink },
    },
    series: [
      {
        type: 'heatmap',
        silent: true,
        emphasis: { disabled: true },
        itemStyle: { borderWidth: 1, borderColor: COLOUR.paper },
        data: cells.map(([session, dataset, status]) => [session, dataset, STATUSES.indexOf(status)]),
      },
    ],
  };
  const bad = cells.filter(([, , status]) => status !== 'success' && status !== 'skipped');
  const told = bad
    .slice(-5)
    .map(([session, dataset, status]) => `${datasets[dataset]} ${status} on ${sessions[session]}`);
  const label = `Coverage of ${counted(sessions.length, 'session')} and ${counted(datasets.length, 'dataset')}. ${told.join(', ') || 'Nothing failed or was withheld'}.`;
  return plot(option, { width: WIDTH, height, label });
}

/** Seconds of each dataset over the last nights, stacked. */
export function durationsPlot(plot: Plot, nights: History['nights']): Html {
  const names = [...new Set(nights.flatMap(({ datasets }) => datasets.map(({ name }) => name)))];
  const seconds = (name: string) =>
    nights.map(({ datasets }) => datasets.find((set) => set.name === name)?.seconds ?? 0);
  const shown = names.map((name) => ({ name, data: seconds(name) })).sort((a, b) => sum(b.data) - sum(a.data));
  const [drawn, rest] = [shown.slice(0, 5), shown.slice(5)];
  if (rest.length > 0) {
    drawn.push({ name: 'others', data: nights.map((_, index) => sum(rest.map(({ data }) => data[index]!))) });
  }
  const option: EChartsCoreOption = {
    grid: { left: 56, right: 8, top: 56, bottom: 28 },
    legend: {
      data: drawn.map(({ name }) => name),
      left: 56,
      top: 0,
      itemWidth: 14,
      itemHeight: 14,
      textStyle: { color: COLOUR.ink },
      selectedMode: false,
    },
    xAxis: categories(nights.map(({ session }) => session)),
    yAxis: values({ name: 'seconds', nameTextStyle: { color: COLOUR.muted } }),
    series: drawn.map(({ name, data }, index) =>
      bars({ name, stack: 'night', data, barMaxWidth: 40, itemStyle: { color: COLOUR[STAGE_ROLES[index]!] } }),
    ),
  };
  const last = nights.at(-1);
  const label = `Seconds per dataset over ${counted(nights.length, 'night')}; the last took ${duration(last?.seconds ?? 0)}.`;
  return plot(option, { width: WIDTH, height: 260, label });
}

/** The largest changes of value in percent, largest first. */
export function revisionsPlot(plot: Plot, revisions: readonly { name: string; percent: number }[]): Html {
  const option: EChartsCoreOption = {
    grid: { left: 190, right: 24, top: 8, bottom: 28 },
    xAxis: values({ axisLabel: { color: COLOUR.muted, formatter: '{value} %' } }),
    yAxis: categories(
      revisions.map(({ name }) => name),
      { inverse: true, axisLabel: { color: COLOUR.ink, interval: 0 } },
    ),
    series: [
      bars({
        barMaxWidth: 16,
        data: revisions.map(({ percent }) => ({
          value: Number(percent.toFixed(4)),
          itemStyle: { color: percent < 0 ? COLOUR.down : COLOUR.up },
        })),
      }),
    ],
  };
  const first = revisions[0];
  const label = `Largest revisions; the largest is ${first?.name} by ${first?.percent.toFixed(2)} %.`;
  return plot(option, { width: WIDTH, height: 40 + revisions.length * 22, label });
}

function bars(more: object): object {
  return { type: 'bar', silent: true, emphasis: { disabled: true }, ...more };
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}

/** A small picture has room for the first and the last date. */
function endsOnly(count: number): object {
  const interval = (place: number) => place === 0 || place === count - 1;
  return { color: COLOUR.muted, interval, alignMinLabel: 'left', alignMaxLabel: 'right' };
}

/** One series of one symbol: daily bars wide, N-session bars small. A window that is not complete is drawn hollow. */
export function candlePlot(plot: Plot, symbol: string, { sessions, candles }: CandleSeries): Html {
  const wide = sessions === 1;
  const option: EChartsCoreOption = {
    grid: { left: 52, right: 8, top: 8, bottom: 22 },
    xAxis: categories(
      candles.map(({ date }) => date),
      wide ? {} : { axisLabel: endsOnly(candles.length) },
    ),
    yAxis: values({ scale: true, splitNumber: wide ? 4 : 2 }),
    series: [
      {
        type: 'candlestick',
        silent: true,
        emphasis: { disabled: true },
        itemStyle: { color: COLOUR.up, color0: COLOUR.down, borderColor: COLOUR.up, borderColor0: COLOUR.down },
        data: candles.map(({ open, high, low, close, complete }) => {
          const value = [open, close, low, high];
          return complete ? value : { value, itemStyle: { color: COLOUR.paper, color0: COLOUR.paper } };
        }),
      },
    ],
  };
  const last = candles.at(-1);
  const what = wide ? 'daily bars' : `${sessions}-session bars`;
  const label = `${symbol}, ${candles.length} ${what}; the last is of ${last?.date} and closed at ${last?.close}.`;
  return plot(
    option,
    wide ? { width: 640, height: 240, label, alike: 'candles' } : { width: 310, height: 150, label, alike: 'candles' },
  );
}

/**
 * Roles of colour. A chart is drawn with a stand-in for each, which then becomes `var(--role)`: one drawing serves the
 * light and the dark page.
 */
export const COLOUR = {
  ink: '#0a0001',
  muted: '#0a0002',
  line: '#0a0003',
  up: '#0a0004',
  down: '#0a0005',
  success: '#0a0006',
  partial: '#0a0007',
  held: '#0a0008',
  skipped: '#0a0009',
  failed: '#0a000a',
  one: '#0a000b',
  two: '#0a000c',
  three: '#0a000d',
  four: '#0a000e',
  five: '#0a000f',
  six: '#0a0010',
  paper: '#0a0011',
} as const;
export type Role = keyof typeof COLOUR;

export interface Picture {
  width: number;
  height: number;
  /** What a reader who does not see it is told. */
  label: string;
  /** Names pictures that differ in their data only: they are drawn faster. */
  alike?: string;
}

export type Plot = (option: EChartsCoreOption, picture: Picture) => Html;

/** Loads the plotting library, at the first picture only: most commands never draw one. */
export async function loadPlot(): Promise<Plot> {
  const { drawSvg } = await import('./echarts.ts');
  return (option, { width, height, label, alike }) =>
    html`<svg viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="${label}">${trusted(tidy(drawSvg(option, width, height, alike)))}</svg>`;
}

/** The drawing without what would differ from run to run (ids) or repeat on every line (styles). */
function tidy(svg: string): string {
  return themed(svg.replace(/^<svg[^>]*>\s*/, '').replace(/<\/svg>\s*$/, ''))
    .replace(/<style[\s\S]*?<\/style>/g, '')
    .replace(/ class="zr[^"]*"/g, '')
    .replace(/ pointer-events="visible"/g, '')
    .replace(/ style="font-size:12px;font-family:inherit;"/g, '')
    .replace(/<rect width="\d+" height="\d+" x="0" y="0" fill="none"><\/rect>/, '')
    .replace(/ (?:stroke-linecap|ecmeta_[a-z_]+)="[^"]*"/g, '')
    .replace(/\n+/g, '\n');
}

/** Stand-in colours as variables of the page's style. */
export function themed(svg: string): string {
  return svg.replace(/#0a00[0-9a-f]{2}/g, (colour) => `var(--${ROLES.get(colour) ?? 'ink'})`);
}

const ROLES = new Map<string, string>(Object.entries(COLOUR).map(([role, colour]) => [colour, role]));
