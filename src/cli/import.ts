import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { lastClosedSession } from '../calendar/calendar.ts';
import { inHome } from '../env-file.ts';
import { NamedError } from '../errors.ts';
import { jobsAreBehind } from '../jobs/backlog.ts';
import type { Lake } from '../lake/lake.ts';
import { openLake } from '../lake/open-lake.ts';
import { publishedSessions } from '../lake/session-files.ts';
import {
  completeImport,
  type Import,
  type Imported,
  type Importing,
  inspectOriginal,
  isComplete,
  storeOriginal,
} from '../past/import-original.ts';
import { type Inspection, refusedText } from '../past/original-lake.ts';
import { COMMANDS } from '../report/next-steps.ts';
import { counted, figure } from '../text.ts';
import { type Context, homeLake, whereOf } from './context.ts';
import { outcomeOf } from './outcome.ts';
import { onPipeline, type Pipeline } from './pipeline.ts';
import type { Terminal } from './terminal.ts';
import { requireQuiet } from './verify/repair.ts';

export interface ImportOptions {
  original: string;
  prices?: string;
  dryRun?: boolean;
}

/** Imports a lake of the original layout: inspected first, then stored, followed by the jobs, and counted. */
export async function importOriginal(options: ImportOptions, context: Context): Promise<number> {
  const { terminal, config, signal } = context;
  const prices = askedPrices(options.prices);
  const from = askedPlace(options.original);
  const importing: Importing = { workers: config.MAX_WORKERS, signal, onProgress: progressOf(terminal) };
  const found = await inspectOriginal(from, homeLake(config), importing);
  if (!terminal.json) terminal.print(inspectionText(from, found.inspected));
  if (options.dryRun) {
    if (terminal.json) terminal.print(JSON.stringify(found.inspected));
    else terminal.print('Nothing was written.');
    return 0;
  }
  if (prices === undefined) throw unsaid();
  if (prices === 'adjusted') throw adjusted(context);
  // No vendor is asked, as in a backfill from flat files.
  return onPipeline(context, context.stage ? {} : { flatFiles: '' }, async (pipeline) => {
    const { lake } = pipeline.stores;
    await requireQuiet(pipeline);
    const isDone = isComplete(found);
    // What waits for a consolidation is in no history yet, and would look as if it were lacking.
    if (!isDone && (await publishedSessions(lake)).length > 0 && (await jobsAreBehind(lake, [])))
      await runJob('consolidate', {}, pipeline, context);
    const stored = await storeOriginal(found, lake, importing);
    if (!isDone) {
      await runJob('consolidate', { MODE: 'full' }, pipeline, context);
      await completeImport(found, lake);
    }
    // Asked for even when everything was stored before: a run that was killed may have left the bars behind.
    await runJob('resample', {}, pipeline, context);
    report(found, stored, lake, context);
    return 0;
  });
}

function askedPrices(prices: string | undefined): 'raw' | 'adjusted' | undefined {
  if (prices === undefined || prices === 'raw' || prices === 'adjusted') return prices;
  throw new NamedError('Usage.Invalid', { what: `--prices ${prices} is unknown`, wanted: 'raw or adjusted' });
}

function askedPlace(uri: string): Lake {
  if (uri.startsWith('s3://') || uri.startsWith('file://')) return openLake(uri);
  if (/^[a-z0-9]+:\/\//i.test(uri)) {
    throw new NamedError('Usage.Invalid', {
      what: `--original ${uri} names no store we know`,
      wanted: 'a folder, or s3://bucket[/folder]',
    });
  }
  return openLake(pathToFileURL(resolve(inHome(uri))).href);
}

/** A line now and then: a large lake takes minutes. */
function progressOf({ json, note }: Terminal): NonNullable<Importing['onProgress']> {
  const EVERY = 500;
  return (done, of, what) => {
    if (!json && (done % EVERY === 0 || (done === of && of > EVERY)))
      note(`  ${figure(done)} of ${figure(of)} ${what}`);
  };
}

function inspectionText(
  { uri }: Lake,
  { symbols, files, bytes, rows, usable, refused, first, last, splits }: Inspection,
): string[] {
  const isSplit = splits.asTraded + splits.adjusted > 0;
  return [
    `${uri}: ${counted(symbols, 'symbol')} in ${counted(files, 'file')} (${figure(bytes / 1e6)} MB), ${counted(rows, 'row')} from ${first} to ${last}.`,
    `  ${counted(usable, 'row')} can be stored, ${figure(rows - usable)} are refused${rows > usable ? `: ${refusedText(refused)}` : ''}.`,
    isSplit
      ? `  Of ${counted(splits.asTraded + splits.adjusted, 'split')} within its bars ${figure(splits.asTraded)} show in the prices, ${figure(splits.adjusted)} do not.`
      : '  No split is known within its bars, which could tell how its prices are meant.',
  ];
}

function unsaid(): NamedError {
  return new NamedError('Usage.Invalid', {
    what: 'nobody has said whether these prices are adjusted, and files do not say it themselves',
    wanted: '--prices raw, for prices as they were traded (splits show in them), or --prices adjusted',
    todo: 'Nothing was written. Look at a split you know: AAPL closed at 499.23 on 2020-08-28 as traded, at 124.81 adjusted.',
  });
}

function adjusted(context: Context): NamedError {
  return new NamedError('Usage.Invalid', {
    what: `adjusted prices are not stored in ${whereOf(context)}`,
    found: '--prices adjusted',
    wanted: 'prices as they were traded: bars are adjusted when they are read, and these would be adjusted twice',
    todo: `Nothing was written. Fetch the bars as they were traded: ${COMMANDS.backfill('D', 'D')}`,
  });
}

async function runJob(
  task: 'consolidate' | 'resample',
  settings: Record<string, string>,
  pipeline: Pipeline,
  { now, signal, terminal }: Context,
): Promise<void> {
  const session = lastClosedSession(now);
  if (!terminal.json) terminal.note(`  ${task} …`);
  const result = await pipeline.run({ task, session, settings }, { name: `${task}-${session}`, signal });
  const { status, reasons } = await outcomeOf(result, pipeline.stores, { session, kind: 'task' });
  if (status === 'Succeeded') return;
  throw new NamedError('Job.Failed', {
    what: `the bars are stored, but ${task} did not follow them`,
    found: reasons.join('; ') || status,
    todo: 'Run the same command again; it goes on from here.',
  });
}

function report({ inspected }: Import, { resumed, stored, own }: Imported, lake: Lake, { terminal }: Context): void {
  const { rows, usable, refused, symbols } = inspected;
  if (terminal.json) {
    terminal.print(JSON.stringify({ lake: lake.uri, symbols, resumed, rows, stored, own, refused, inspected }));
    return;
  }
  const kept = own > 0 ? ` + ${figure(own)} of days that the lake has a row of its own of` : '';
  const left = rows > usable ? ` + ${figure(rows - usable)} refused` : '';
  terminal.print([
    `${counted(rows, 'row')} read = ${figure(stored)} stored${kept}${left}; each was read back and compared.`,
    ...(resumed > 0 ? [`${counted(resumed, 'symbol')} had been stored by an earlier run.`] : []),
    `Next: ${COMMANDS.query("SELECT min(date), max(date), count(*) FROM bars WHERE source = 'original'")}`,
  ]);
}
