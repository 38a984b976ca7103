import { BarChart, CandlestickChart, HeatmapChart } from 'echarts/charts';
import { GridComponent, LegendComponent, VisualMapPiecewiseComponent } from 'echarts/components';
import { type EChartsCoreOption, init, use } from 'echarts/core';
import { SVGRenderer } from 'echarts/renderers';

use([
  BarChart,
  CandlestickChart,
  GridComponent,
  HeatmapChart,
  LegendComponent,
  SVGRenderer,
  VisualMapPiecewiseComponent,
]);

/** One chart as an SVG document, drawn without a browser. */
export function drawSvg(option: EChartsCoreOption, width: number, height: number): string {
  const chart = init(null, null, { renderer: 'svg', ssr: true, width, height });
  chart.setOption({ animation: false, textStyle: { fontFamily: 'inherit', fontSize: 12 }, ...option });
  const svg = chart.renderToSVGString();
  chart.dispose();
  return svg;
}
