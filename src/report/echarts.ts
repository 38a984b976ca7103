import { BarChart, CandlestickChart, HeatmapChart, ScatterChart } from 'echarts/charts';
import { GridComponent, LegendComponent, VisualMapPiecewiseComponent } from 'echarts/components';
import { type EChartsCoreOption, type EChartsType, init, use } from 'echarts/core';
import { SVGRenderer } from 'echarts/renderers';

use([
  BarChart,
  CandlestickChart,
  GridComponent,
  HeatmapChart,
  LegendComponent,
  ScatterChart,
  SVGRenderer,
  VisualMapPiecewiseComponent,
]);

/** Making a chart costs as much as drawing it, and a page has 140 of them: one drawing board a size serves them all. */
const boards = new Map<string, EChartsType>();

/**
 * One chart as an SVG document, drawn without a browser. A picture like the one before on its board only takes other
 * data (`alike`); any other begins with an empty board.
 */
export function drawSvg(option: EChartsCoreOption, width: number, height: number, alike = ''): string {
  const name = `${alike} ${width} ${height}`;
  const board = boards.get(name) ?? init(null, null, { renderer: 'svg', ssr: true, width, height });
  boards.set(name, board);
  if (alike === '') board.clear();
  board.setOption({ animation: false, textStyle: { fontFamily: 'inherit', fontSize: 12 }, ...option });
  const svg = board.renderToSVGString();
  // Its clock would tick as long as the process lives, and keep it alive.
  board.getZr().animation.stop();
  return svg;
}
