import type { EChartsCoreOption } from 'echarts/core';
import { type Html, html, trusted } from './markup.ts';

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
