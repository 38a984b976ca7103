import { decodeBarColumns } from '../../lake/bronze/bar-columns.ts';
import { keys } from '../../lake/keys.ts';
import { type Lake, listAll } from '../../lake/lake.ts';
import { decodeRows, type Row } from '../../lake/parquet.ts';
import type { History, ReportedRun, Revision } from './history.ts';

const LARGEST = 15;
const PRICES = ['open', 'high', 'low', 'close'] as const;

/** Symbols with a bar in one of two sessions only; null unless both are held. */
export async function readSymbolChanges(lake: Lake, session: string, before: string): Promise<History['symbols']> {
  const [now, then] = [await symbolsOf(lake, session), await symbolsOf(lake, before)];
  if (!now || !then) return null;
  return { before, added: except(now, then), vanished: except(then, now) };
}

async function symbolsOf(lake: Lake, session: string): Promise<Set<string> | undefined> {
  const bytes = await lake.read(keys.session(session));
  return bytes && new Set((await decodeBarColumns(bytes, keys.session(session))).symbol.values);
}

function except(symbols: ReadonlySet<string>, others: ReadonlySet<string>): string[] {
  return [...symbols].filter((symbol) => !others.has(symbol)).sort();
}

/** What this run found changed in bars that were served already: how many, and the largest moves of a price. */
export async function readRevisions(lake: Lake, run: ReportedRun): Promise<History['revisions']> {
  const found: Revision[] = [];
  let total = 0;
  for (const date of run.sessions.published) {
    for (const { key } of await listAll(lake, `${keys.revisionsOf}date=${date}/`)) {
      const rows = await decodeRows((await lake.read(key)) ?? new Uint8Array(), key, ['run_id', 'symbol', 'kind']);
      for (const row of rows) {
        if (row.run_id !== run.runId) continue;
        total += 1;
        if (row.kind === 'changed') found.push(...changedPrices(row, date));
      }
    }
  }
  const size = ({ before, after }: Revision) => Math.abs((after ?? 0) / (before || 1) - 1);
  return { total, largest: found.sort((a, b) => size(b) - size(a)).slice(0, LARGEST) };
}

function changedPrices(row: Row, date: string): Revision[] {
  return PRICES.flatMap((field) => {
    const [before, after] = [row[`${field}_before`] as number | null, row[`${field}_after`] as number | null];
    return before === after ? [] : [{ symbol: String(row.symbol), date, field, before, after }];
  });
}
