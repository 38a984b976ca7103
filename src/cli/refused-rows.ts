import { askedDate } from '../calendar/calendar.ts';
import { type QuarantinedRow, quarantined } from '../lake/quarantine-file.ts';
import { counted, didYouMean } from '../text.ts';
import { type Context, homeLake, requireBegun } from './context.ts';
import { table } from './terminal.ts';

export interface QuarantineOptions {
  session?: string;
  symbol?: string;
  reason?: string;
}

/** Rows refused for one reason. */
export interface RefusedFor {
  dataset: string;
  reason: string;
  rows: number;
  sessions: number;
  first: string;
  last: string;
}

const SHOWN = 40;

/** Every row that was refused and lies in quarantine: first how many for which reason, then one by one. */
export async function quarantine(options: QuarantineOptions, context: Context): Promise<number> {
  await requireBegun(context);
  const { terminal, config, signal } = context;
  const sessions = options.session === undefined ? {} : { sessions: [askedDate(options.session)] };
  const found = await quarantined(homeLake(config), { ...sessions, signal });
  const rows = found.filter(isAsked(options));
  const reasons = byReason(rows);
  const count = new Set(rows.map(({ session }) => session)).size;
  if (terminal.json) {
    terminal.print(JSON.stringify({ total: rows.length, sessions: count, reasons, rows }));
    return 0;
  }
  if (rows.length === 0) {
    terminal.print(noneText(options, found));
    return 0;
  }
  terminal.print(`${counted(rows.length, 'row')} of ${counted(count, 'session')} in quarantine:`);
  const kinds = reasons.map((one) => [one.rows, one.sessions, one.first, one.last, one.dataset, one.reason]);
  terminal.print(['', ...table(['rows', 'sessions', 'first', 'last', 'dataset', 'reason'], kinds)]);
  const shown = rows.slice(0, SHOWN).map(({ session, dataset, symbol, reason }) => [session, dataset, symbol, reason]);
  terminal.print(['', ...table(['session', 'dataset', 'symbol', 'reason'], shown)]);
  if (rows.length > SHOWN)
    terminal.print(`… ${counted(rows.length, 'row')} in all; --json has every one, as the vendor sent it`);
  return 0;
}

function isAsked({ symbol, reason }: QuarantineOptions): (row: QuarantinedRow) => boolean {
  const words = reason?.toLowerCase();
  return (row) =>
    (symbol === undefined || row.symbol === symbol) &&
    (words === undefined || row.reason.toLowerCase().includes(words));
}

function noneText({ symbol }: QuarantineOptions, found: readonly QuarantinedRow[]): string {
  if (found.length === 0) return 'No row is in quarantine.';
  const near = symbol === undefined ? undefined : didYouMean(symbol, new Set(found.map((row) => row.symbol)));
  return ['No row in quarantine is like that.', near].filter(Boolean).join(' ');
}

/** Pure: the most frequent first. */
export function byReason(rows: readonly QuarantinedRow[]): RefusedFor[] {
  const groups = new Map<string, QuarantinedRow[]>();
  for (const row of rows) {
    const kind = JSON.stringify([row.dataset, row.reason]);
    const same = groups.get(kind);
    if (same) same.push(row);
    else groups.set(kind, [row]);
  }
  return [...groups.values()]
    .map((same) => {
      const { dataset, reason } = same[0]!;
      const dates = [...new Set(same.map(({ session }) => session))].sort();
      return { dataset, reason, rows: same.length, sessions: dates.length, first: dates[0]!, last: dates.at(-1)! };
    })
    .sort((a, b) => b.rows - a.rows);
}
