import { countReasons, type Lists, type Reconciled, type RefusedRow, reconcile } from '../checks/compare-lists.ts';
import { decodeBarColumns } from '../lake/bar-table.ts';
import { dateOfKey, keys, type Lake, listAll, writeIfChanged } from '../lake/lake.ts';
import { type Column, decodeRows, encodeRows } from '../lake/parquet.ts';
import { quarantinedOn } from '../lake/quarantine-file.ts';
import { usableIngest } from '../lake/session-files.ts';
import type { Stores } from '../stores.ts';
import { goneSince } from '../tables/reference-table.ts';
import { counted, figure } from '../text.ts';

export const RECONCILE_COLUMNS: readonly Column[] = [
  { name: 'date', type: 'date' },
  { name: 'symbol', type: 'text' },
  { name: 'polygon', type: 'boolean', nullable: true },
  { name: 'alpaca', type: 'boolean', nullable: true },
  { name: 'index', type: 'boolean', nullable: true },
  { name: 'bars', type: 'boolean', nullable: true },
  { name: 'reason', type: 'text', nullable: true },
];

/** Reasons a night's report names; all of them stand in the table. */
const SHOWN = 8;

/**
 * Compares the newest lists up to a session with each other and with its bars, and writes the table of every symbol to
 * `reports/date=…/reconcile.parquet`. Returns what it comes to, one sentence a line; nothing when there is no list yet.
 */
export async function reconcileNight(
  session: string,
  { lake, tables, config }: Pick<Stores, 'lake' | 'tables' | 'config'>,
): Promise<string[]> {
  const lists = await readLists(lake, session);
  if (!lists.polygon && !lists.alpaca && !lists.index) return [];
  const unlisted = [...(lists.bars ?? []), ...(lists.alpaca?.keys() ?? [])].filter(
    (symbol) => !lists.polygon?.has(symbol),
  );
  const gone = lists.polygon ? await goneSince(tables, config.TICKERS_TABLE, [...new Set(unlisted)]) : new Map();
  const rows = reconcile({ ...lists, gone });
  const table = encodeRows(
    RECONCILE_COLUMNS,
    rows.map((row) => ({ date: session, ...row })),
  );
  await writeIfChanged(lake, keys.report(session, 'reconcile.parquet'), table);
  return notesOf(rows);
}

function notesOf(rows: readonly Reconciled[]): string[] {
  const { alike, reasons } = countReasons(rows);
  const named = reasons.slice(0, SHOWN).map(([reason, symbols]) => `${figure(symbols)} ${reason}`);
  if (reasons.length > SHOWN) named.push('…');
  return [
    `reconcile: ${counted(rows.length, 'symbol')}, ${figure(alike)} alike in every list; ${named.join(', ') || 'no difference'}`,
  ];
}

async function readLists(lake: Lake, session: string): Promise<Omit<Lists, 'gone'>> {
  const tickers = await snapshot(lake, 'tickers', session, ['symbol', 'market', 'type']);
  const assets = await snapshot(lake, 'assets', session, ['symbol', 'exchange', 'tradable']);
  const members = await snapshot(lake, 'index_members', session, ['symbol']);
  return {
    polygon:
      tickers &&
      new Map(
        tickers.map(({ symbol, market, type }) => [
          String(symbol),
          { market: textOrNull(market), type: textOrNull(type) },
        ]),
      ),
    alpaca:
      assets &&
      new Map(
        assets.map(({ symbol, exchange, tradable }) => [
          String(symbol),
          { exchange: textOrNull(exchange), tradable: tradable as boolean | null },
        ]),
      ),
    index: members && new Set(members.map(({ symbol }) => String(symbol))),
    bars: await barsOf(lake, session),
    refused: await refusedRows(lake, session),
  };
}

function textOrNull(value: unknown): string | null {
  return typeof value === 'string' ? value : null;
}

/** The newest snapshot of that session or an earlier one. */
async function snapshot(lake: Lake, dataset: string, session: string, columns: readonly string[]) {
  const dated = (await listAll(lake, `reference/${dataset}/date=`)).map(({ key }) => key);
  const key = dated.filter((name) => name.endsWith('.parquet') && (dateOfKey(name) ?? '9') <= session).at(-1);
  const bytes = key && (await lake.read(key));
  return bytes ? decodeRows(bytes, key, columns) : undefined;
}

async function barsOf(lake: Lake, session: string): Promise<Set<string> | undefined> {
  if (!(await usableIngest(lake, session))) return undefined;
  const bytes = await lake.read(keys.session(session));
  return bytes && new Set((await decodeBarColumns(bytes, keys.session(session))).symbol.values);
}

async function refusedRows(lake: Lake, session: string): Promise<Map<string, RefusedRow>> {
  const refused = new Map<string, RefusedRow>();
  for (const { dataset, symbol, reason } of await quarantinedOn(lake, session)) {
    if (symbol !== '' && IN_LISTS.has(dataset)) refused.set(symbol, { dataset, reason });
  }
  return refused;
}

/** Enrichment is no list of symbols. */
const IN_LISTS = new Set(['prices', 'tickers', 'assets', 'index_members']);
