import { fileList } from '../../lake/exact-paths.ts';
import { keys } from '../../lake/keys.ts';
import { type Lake, listAll } from '../../lake/lake.ts';
import { decodeRows } from '../../lake/parquet.ts';
import { type LakeViews, openViews } from '../../lake/views.ts';
import { figure } from '../terminal.ts';
import barsAgainstSessions from './bars-against-sessions.sql';
import { type Check, refetch } from './check.ts';
import type { Ingests } from './check-sessions.ts';
import { findDamaged } from './find-damaged.ts';
import history from './history.sql';
import sessionRows from './session-rows.sql';
import silver from './silver.sql';
import splitWindows from './split-windows.sql';

/** What the jobs derive from the session files. */
export async function checkDerived(
  lake: Lake,
  ingests: Ingests,
  scratch: string,
  intervals: readonly number[],
): Promise<Check[]> {
  let views: LakeViews | undefined;
  try {
    views = await openViews(lake, scratch, intervals);
    const over = views;
    return [
      await checkRows(lake, ingests, over, scratch),
      await checkHistory(lake, over, scratch),
      ...(await Promise.all(intervals.map((interval) => checkSilver(over, interval)))),
    ];
  } catch (error) {
    return [await findDamaged(lake, (error as Error).message)];
  } finally {
    views?.close();
  }
}

async function ask(views: LakeViews, sql: string): Promise<Record<string, string | number>[]> {
  const reader = await views.connection.runAndReadAll(sql);
  return reader.getRowObjectsJson() as Record<string, string | number>[];
}

async function checkRows(lake: Lake, ingests: Ingests, views: LakeViews, scratch: string): Promise<Check> {
  const found = (await listAll(lake, 'bronze/sessions/date=')).map(({ key }) => key);
  const name = 'session rows';
  if (found.length === 0) return { name, counted: 'none', problems: [], repairs: [], notes: [] };
  const rows = await ask(views, sessionRows.replace('$files', fileList(await lake.localise(found, scratch))));
  const problems = rows.flatMap((row) => {
    const date = /date=(\d{4}-\d{2}-\d{2})/.exec(String(row.filename))?.[1];
    const faults: string[] = [];
    const promised = ingests.get(date ?? '')?.rows;
    if (row.row_count !== promised) faults.push(`${date}: ${row.row_count} rows, the ingest manifest says ${promised}`);
    if (row.symbols !== row.row_count) faults.push(`${date}: ${row.row_count} rows for ${row.symbols} symbols`);
    if (Number(row.other_dates) > 0) faults.push(`${date}: ${row.other_dates} rows of another date`);
    if (Number(row.broken) > 0) faults.push(`${date}: ${row.broken} bars break the OHLC rules`);
    return faults;
  });
  const dates = new Set(problems.map((problem) => problem.slice(0, 10)));
  return { name, counted: `${figure(rows.length)} files`, problems, repairs: [...dates].map(refetch), notes: [] };
}

interface ManifestRow {
  symbol: string;
  row_count: number;
  last_consolidated_date: string;
}

async function checkHistory(lake: Lake, views: LakeViews, scratch: string): Promise<Check> {
  const name = 'history';
  const bytes = await lake.read(keys.manifest);
  if (!bytes) return { name, counted: 'not consolidated yet', problems: [], repairs: [], notes: [] };
  const wanted = ['symbol', 'row_count', 'last_consolidated_date'];
  const manifest = await decodeRows<ManifestRow>(bytes, keys.manifest, wanted);
  const present = new Set((await listAll(lake, 'bronze/raw_ohlcv/symbol=')).map(({ key }) => key));
  const files = manifest.map(({ symbol }) => keys.symbol(symbol)).filter((key) => present.has(key));
  const rows =
    files.length > 0 ? await ask(views, history.replace('$files', fileList(await lake.localise(files, scratch)))) : [];
  const bySymbol = new Map(rows.map((row) => [String(row.symbol), row]));
  const problems: string[] = [];
  for (const { symbol, row_count, last_consolidated_date } of manifest) {
    const row = bySymbol.get(symbol);
    if (row?.row_count !== row_count)
      problems.push(`${symbol}: ${row?.row_count ?? 0} rows, the manifest says ${row_count}`);
    if (row && row.last_date !== last_consolidated_date) {
      problems.push(`${symbol}: ends ${row.last_date}, the manifest says ${last_consolidated_date}`);
    }
    if (Number(row?.out_of_order ?? 0) > 0) problems.push(`${symbol}: dates do not increase`);
  }
  const [difference] = await ask(views, barsAgainstSessions);
  if (Number(difference?.only_in_sessions) > 0)
    problems.push(`${difference?.only_in_sessions} session rows are not in the history`);
  if (Number(difference?.only_in_history) > 0)
    problems.push(`${difference?.only_in_history} rows of the history are in no session file`);
  const total = manifest.reduce((sum, row) => sum + row.row_count, 0);
  const counted = `${figure(manifest.length)} symbols, ${figure(total)} rows`;
  const rebuild = problems.length > 0 ? [{ step: 'consolidate' as const }] : [];
  return { name, counted, problems, rebuild, repairs: [], notes: [] };
}

async function checkSilver(views: LakeViews, interval: number): Promise<Check> {
  const [row] = await ask(views, silver.replaceAll('FROM silver', `FROM "bars_${interval}d"`));
  const problems: string[] = [];
  if (row?.bars_in_windows !== row?.bars_in_history) {
    problems.push(`windows hold ${row?.bars_in_windows} bars, the history ${row?.bars_in_history}`);
  }
  if (Number(row?.doubled) > 0) problems.push(`${row?.doubled} windows exist twice`);
  if (Number(row?.broken) > 0) problems.push(`${row?.broken} windows break the OHLC rules`);
  if (Number(row?.too_complete) > 0) problems.push(`${row?.too_complete} windows are called complete before their end`);
  const [adjusted] = await ask(views, splitWindows.replaceAll('FROM silver', `FROM "bars_${interval}d"`));
  if (Number(adjusted?.unadjusted) > 0) {
    problems.push(`${adjusted?.unadjusted} windows are not adjusted by the splits in force (${adjusted?.example}, …)`);
  }
  const rebuild = problems.length > 0 ? [{ step: 'resample' as const, intervals: [interval] }] : [];
  const counted = `${figure(Number(row?.windows))} windows over ${figure(Number(row?.bars_in_windows))} bars`;
  return { name: `${interval}-session bars`, counted, problems, rebuild, repairs: [], notes: [] };
}
