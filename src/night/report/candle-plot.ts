import type { EChartsCoreOption } from 'echarts/core';
import { COLOUR, type Plot } from './charts.ts';
import type { CandleSeries } from './history.ts';
import type { Html } from './markup.ts';
import { categories, values } from './plots.ts';

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
