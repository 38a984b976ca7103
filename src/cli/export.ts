import { resolve, sep } from 'node:path';
import { askedDate } from '../calendar/calendar.ts';
import { LIST_VIEWS } from '../datasets/registry.ts';
import { NamedError } from '../errors.ts';
import { type ExportSettings, lookAt, openFolder } from '../export/export-folder.ts';
import { type Exported, exportLake } from '../export/export-lake.ts';
import { type BacktestFormat, FORMATS, type FormatName } from '../export/format.ts';
import { type LakeBars, openLakeBars } from '../export/lake-bars.ts';
import { ADJUSTMENTS, type Adjust } from '../export/series.ts';
import { counted, didYouMean, figure, list } from '../text.ts';
import { type Context, homeLake, requireBegun } from './context.ts';
import { withScratch } from './scratch.ts';

export interface ExportOptions {
  symbols?: string;
  from?: string;
  to?: string;
  adjust?: string;
}

const SHOWN = 10;

const LOADED: Record<FormatName, () => Promise<BacktestFormat>> = {
  csvdir: async () => (await import('../export/csvdir.ts')).csvdir,
  qlib: async () => (await import('../export/qlib.ts')).qlib,
  lean: async () => (await import('../export/lean.ts')).lean,
};

/** Writes the lake's bars as a backtester reads them, or brings an earlier export up to date. */
export async function exportBars(
  name: string,
  folder: string,
  options: ExportOptions,
  context: Context,
): Promise<number> {
  const format = await askedFormat(name);
  const adjust = askedAdjust(options.adjust, format);
  const asked = askedRange(options);
  const target = resolve(folder);
  requireOutside(target, context);
  await requireBegun(context);
  const lake = homeLake(context.config);
  const settings: ExportSettings = {
    format: format.name,
    version: format.version,
    lake: lake.uri,
    adjust,
    symbols: asked.symbols ?? null,
    from: asked.from ?? null,
    to: asked.to ?? null,
  };
  lookAt(target, settings);
  return withScratch('export', async (scratch) => {
    const { signal } = context;
    const bars = await openLakeBars(lake, asked, { lists: LIST_VIEWS, scratch, signal });
    try {
      await requireBars(bars, asked);
      const open = await openFolder(target, settings);
      try {
        show(await exportLake(bars, open, { format, adjust, signal }), bars, { format, target }, context);
      } finally {
        open.close();
      }
    } finally {
      bars.close();
    }
    return 0;
  });
}

/** @throws Usage.Invalid */
async function askedFormat(name: string): Promise<BacktestFormat> {
  const found = FORMATS.find((one) => one === name);
  if (found) return LOADED[found]();
  throw new NamedError('Usage.Invalid', {
    what: `export knows no format ${name}`,
    wanted: list(FORMATS).replace(' and ', ' or '),
    todo: didYouMean(name, FORMATS),
  });
}

function askedAdjust(text: string | undefined, { adjusts, onlyAdjusts, name }: BacktestFormat): Adjust {
  if (text === undefined) return adjusts[0]!;
  const found = ADJUSTMENTS.find((one) => one === text);
  if (!found)
    throw new NamedError('Usage.Invalid', { what: `--adjust ${text} is unknown`, wanted: ADJUSTMENTS.join(', ') });
  if (adjusts.includes(found)) return found;
  throw new NamedError('Usage.Invalid', {
    what: `--adjust ${text} does not go with ${name}: ${onlyAdjusts}`,
    wanted: adjusts.join(', '),
  });
}

interface Range {
  symbols?: string[];
  from?: string;
  to?: string;
}

function askedRange({ symbols: names, from, to }: ExportOptions): Range {
  const symbols = names === undefined ? undefined : [...new Set(names.split(',').filter(Boolean))].sort();
  if (symbols?.length === 0) throw new NamedError('Usage.Invalid', { what: '--symbols names no symbol' });
  const range: Range = {};
  if (symbols) range.symbols = symbols;
  if (from !== undefined) range.from = askedDate(from);
  if (to !== undefined) range.to = askedDate(to);
  if (range.from !== undefined && range.to !== undefined && range.from > range.to) {
    const found = `${range.from} to ${range.to}`;
    throw new NamedError('Usage.Invalid', { what: '--from is after --to', found, wanted: 'the earlier date first' });
  }
  return range;
}

/** A backup would take it along, and a job of the lake remove it. @throws Usage.Invalid */
function requireOutside(target: string, { config }: Context): void {
  const home = resolve(config.AFTERBELL_HOME);
  if (target !== home && !target.startsWith(home + sep)) return;
  throw new NamedError('Usage.Invalid', {
    what: 'an export cannot lie in the data directory',
    found: `${target} in ${home}`,
    wanted: 'a folder of its own',
  });
}

/** @throws Usage.Invalid for symbols that the lake does not have, and a time of which it has none */
async function requireBars(bars: LakeBars, { symbols, from, to }: Range): Promise<void> {
  if (symbols) {
    const known = await bars.symbols();
    const unknown = symbols.filter((symbol) => !known.includes(symbol));
    if (unknown.length > 0) {
      throw new NamedError('Usage.Invalid', {
        what: `the lake has no bar of ${list(unknown)}`,
        todo: didYouMean(unknown[0]!, known),
      });
    }
  }
  if (bars.days.length > 0) return;
  const range = [...(from === undefined ? [] : [`from ${from}`]), ...(to === undefined ? [] : [`to ${to}`])].join(' ');
  throw new NamedError('Usage.Invalid', {
    what: `the lake has no session ${range || 'yet'}`,
    wanted: 'a time with published sessions',
    todo: 'Run npx afterbell status to see which there are.',
  });
}

function show(
  done: Exported,
  { strayBars }: LakeBars,
  { format, target }: { format: BacktestFormat; target: string },
  { terminal }: Context,
): void {
  const { sessions, symbols, written, unchanged, removed, leftOut } = done;
  const [first, last] = sessions;
  if (terminal.json) {
    const about = { format: format.name, folder: target, symbols, first, last, written, unchanged, removed };
    terminal.print(JSON.stringify({ ...about, stray_bars: strayBars, left_out: leftOut }));
    return;
  }
  terminal.print(`${format.name}: ${counted(symbols, 'symbol')} from ${first} to ${last}, in ${target}`);
  terminal.print(
    `${counted(written, 'file')} written, ${figure(unchanged)} left as they were${removed > 0 ? `, ${figure(removed)} removed` : ''}`,
  );
  if (strayBars > 0) terminal.note(`${counted(strayBars, 'bar')} left out: the exchange had no session on that day`);
  if (leftOut.length === 0) return;
  terminal.note(`${counted(leftOut.length, 'symbol')} left out:`);
  for (const { symbol, reason } of leftOut.slice(0, SHOWN)) terminal.note(`  ${symbol}: ${reason}`);
  if (leftOut.length > SHOWN) terminal.note(`  … --json names every one`);
}
