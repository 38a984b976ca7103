import type { EChartsCoreOption } from 'echarts/core';

/** The bars of one symbol as a page has them: columns of one length, oldest first; also what the page's script reads. */
export interface ChartBars {
  /** Days since 1970: the session, or the first one of a window. */
  day: number[];
  open: number[];
  high: number[];
  low: number[];
  close: number[];
  volume: number[];
  /** Place of a window whose last session has not come; -1 without one. */
  open_window: number;
  marks: ChartMark[];
}

/** Something to know about one bar. */
export interface ChartMark {
  /** Place of the bar it is about. */
  place: number;
  kind: 'split' | 'revision' | 'company';
  /** A few characters beside the sign: `2:1`. */
  text: string;
}

export interface ChartColours {
  ink: string;
  muted: string;
  line: string;
  up: string;
  down: string;
  paper: string;
  split: string;
  revision: string;
  company: string;
}

const SIGNS = { split: 'triangle', revision: 'circle', company: 'diamond' } as const;

/** YYYY-MM-DD of a day number. */
export function dayText(day: number): string {
  return new Date(day * 86_400_000).toISOString().slice(0, 10);
}

/** Candles above, volume below, and a sign over each bar that something is to be known about. Pure. */
export function candleOption(bars: ChartBars, colour: ChartColours, more: object = {}): EChartsCoreOption {
  const dates = bars.day.map(dayText);
  const axis = (gridIndex: number) => ({
    type: 'category' as const,
    gridIndex,
    data: dates,
    axisLine: { lineStyle: { color: colour.line } },
    axisTick: { show: false },
    axisLabel: { show: gridIndex === 1, color: colour.muted, hideOverlap: true },
  });
  const scale = (gridIndex: number) => ({
    type: 'value' as const,
    gridIndex,
    scale: gridIndex === 0,
    splitNumber: gridIndex === 0 ? 5 : 2,
    axisLabel: { color: colour.muted, ...(gridIndex === 1 && { formatter: shortCount }) },
    splitLine: { lineStyle: { color: colour.line } },
  });
  const rises = (place: number) => bars.close[place]! >= bars.open[place]!;
  return {
    // Made narrower for the last label, the lower one would have its bars beside the candles they belong to.
    grid: [
      { left: 60, right: 36, top: 24, bottom: '34%', outerBoundsMode: 'none' },
      { left: 60, right: 36, top: '72%', bottom: 60, outerBoundsMode: 'none' },
    ],
    xAxis: [axis(0), axis(1)],
    yAxis: [scale(0), scale(1)],
    series: [
      {
        type: 'candlestick',
        name: 'price',
        itemStyle: {
          color: colour.up,
          color0: colour.down,
          borderColor: colour.up,
          borderColor0: colour.down,
        },
        emphasis: { disabled: true },
        data: dates.map((_, place) => {
          const value = [bars.open[place], bars.close[place], bars.low[place], bars.high[place]];
          return place === bars.open_window
            ? { value, itemStyle: { color: colour.paper, color0: colour.paper } }
            : value;
        }),
      },
      {
        type: 'bar',
        name: 'volume',
        xAxisIndex: 1,
        yAxisIndex: 1,
        emphasis: { disabled: true },
        data: bars.volume.map((value, place) => ({
          value,
          itemStyle: { color: rises(place) ? colour.up : colour.down, opacity: 0.6 },
        })),
      },
      {
        type: 'scatter',
        name: 'marks',
        symbolOffset: [0, -10],
        symbolSize: 9,
        emphasis: { disabled: true },
        data: bars.marks.map(({ place, kind, text }) => ({
          value: [place, bars.high[place]],
          symbol: SIGNS[kind],
          itemStyle: { color: colour[kind] },
          label: { show: text !== '', formatter: () => text, position: 'top', color: colour.ink, fontSize: 11 },
        })),
      },
    ],
    ...more,
  };
}

/** `1.2M`, so that the axis of volumes stays narrow. */
function shortCount(value: number): string {
  for (const [size, sign] of [
    [1e9, 'B'],
    [1e6, 'M'],
    [1e3, 'k'],
  ] as const) {
    if (value >= size) return `${Number((value / size).toFixed(1))}${sign}`;
  }
  return String(value);
}
