import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parquetMetadata } from 'hyparquet';
import { expect, test } from 'vitest';
import { loadConfig } from '../src/config.ts';
import { LIST_VIEWS, snapshotColumns } from '../src/datasets/registry.ts';
import { manifestBytes } from '../src/jobs/consolidate/consolidation-state.ts';
import { changeCleanUps } from '../src/jobs/expire.ts';
import { BAR_COLUMNS } from '../src/lake/bar-table.ts';
import { keys } from '../src/lake/lake.ts';
import type { Column } from '../src/lake/parquet.ts';
import { REVISION_COLUMNS, SYMBOL_CHANGE_COLUMNS } from '../src/lake/revisions.ts';
import { SILVER_COLUMNS } from '../src/lake/silver.ts';
import { SYMBOL_HISTORY_COLUMNS } from '../src/lake/symbol-history-file.ts';
import { openViews } from '../src/lake/views.ts';
import { RECONCILE_COLUMNS } from '../src/night/reconcile.ts';
import { TABLES } from '../src/tables/definitions.ts';
import { migrate } from '../src/warehouse/client.ts';
import { MemoryLake } from './lake/memory-lake.ts';
import { openLocalWarehouse } from './warehouse/local-warehouse.ts';

const text = readFileSync(fileURLToPath(new URL('../docs/data-dictionary.md', import.meta.url)), 'utf8');

/** The text under the heading that begins with this name. */
function section(name: string): string {
  const part = text.split(/^#{2,3} /m).find((piece) => piece.startsWith(`\`${name}\``));
  return part ?? '';
}

/** Column → type, as the section's table has them; a table without types gives none. */
function described(name: string): Map<string, string | undefined> {
  const rows = [...section(name).matchAll(/^\| (`[^|]*`) \| ([^|]*) \|(?:([^|\n]*)\|)?/gm)];
  return new Map(
    rows.flatMap(([, names, type, more]) =>
      [...names!.matchAll(/`([^`]+)`/g)].map(([, column]) => [column!, more === undefined ? undefined : type!]),
    ),
  );
}

const typed = ({ name, type, nullable }: Column) => [name, nullable ? `${type}?` : type] as const;

const SQL_WORDS: Record<string, string> = {
  'character varying': 'VARCHAR',
  'timestamp without time zone': 'TIMESTAMP',
};

test('every table and column of the warehouse is described with its type, and no other', async () => {
  const warehouse = await openLocalWarehouse();
  try {
    await migrate(warehouse);
    const rows = await warehouse.query(
      `SELECT table_name::text AS name, column_name::text AS column, data_type::text AS type, is_nullable = 'YES' AS nullable
       FROM information_schema.columns WHERE table_schema = 'public' ORDER BY 1, ordinal_position`,
    );
    const tables = new Map<string, Map<string, string>>();
    for (const { name, column, type, nullable } of rows) {
      const word = SQL_WORDS[String(type)] ?? String(type).toUpperCase();
      const columns = tables.get(String(name)) ?? new Map<string, string>();
      tables.set(String(name), columns.set(String(column), nullable ? `${word}?` : word));
    }
    for (const [name, columns] of tables) {
      const found = described(name);
      expect([...found.keys()].sort(), name).toEqual([...columns.keys()].sort());
      for (const [column, type] of found)
        if (type) expect(`${column} ${type}`, name).toBe(`${column} ${columns.get(column)}`);
    }
    const headings = [...text.matchAll(/^### `([^`]+)` \(warehouse\)$/gm)].map(([, name]) => name!);
    expect(headings.sort()).toEqual([...tables.keys()].sort());
  } finally {
    await warehouse.close();
  }
});

test('every column of the lake files is described with its type, and no other', () => {
  const files: Record<string, readonly Column[]> = {
    'bronze/sessions/date=D/bars.parquet': BAR_COLUMNS,
    'silver/silver_{N}d/year=Y/month=M/data_{N}d_YM.parquet': SILVER_COLUMNS,
    'reference/tickers/date=D.parquet': snapshotColumns('tickers'),
    'reference/assets/date=D.parquet': snapshotColumns('assets'),
    'reference/splits/date=D.parquet': snapshotColumns('splits'),
    'reference/dividends/date=D.parquet': snapshotColumns('dividends'),
    'reference/{tickers,assets}_changes/date=D.parquet': SYMBOL_CHANGE_COLUMNS,
    'reference/tickers_history/date=D.parquet': SYMBOL_HISTORY_COLUMNS,
    'processing_metadata/revisions/date=D/at=….parquet': REVISION_COLUMNS,
    'reports/date=D/reconcile.parquet': RECONCILE_COLUMNS,
  };
  for (const [name, columns] of Object.entries(files)) {
    expect(Object.fromEntries(described(name)), name).toEqual(Object.fromEntries(columns.map(typed)));
  }
});

test('every column of both manifests is described', async () => {
  const lake = new MemoryLake();
  const record = { symbol: 'A', date: '2025-11-19', bytes: 1, deletedAt: 1n, runId: 'x' };
  await changeCleanUps(lake, { add: [record] });
  const manifest = manifestBytes(new Map([['A', { lastDay: 1, rows: 1, lastUpdated: 1n }]]));
  for (const [name, bytes] of [
    [keys.manifest, manifest],
    [keys.cleanups, (await lake.read(keys.cleanups))!],
  ] as const) {
    const memory = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength) as ArrayBuffer;
    const columns = parquetMetadata(memory)
      .schema.slice(1)
      .map((element) => element.name);
    expect([...described(name).keys()].sort()).toEqual(columns.sort());
  }
});

test('every key-value table is described by its own name', () => {
  for (const name of Object.keys(TABLES)) expect(text, name).toMatch(new RegExp(`^### .*\`${name}\``, 'm'));
});

test('every view of query is described, and no other', async () => {
  const scratch = mkdtempSync(join(tmpdir(), 'afterbell-views-'));
  const views = await openViews(new MemoryLake(), scratch, {
    intervals: loadConfig({}).RESAMPLING_INTERVALS,
    lists: LIST_VIEWS,
  });
  try {
    const part = text.split('## Views of ')[1]!;
    const rows = [...part.matchAll(/^\| (`[^|]*`) \|/gm)].flatMap(([, names]) => [...names!.matchAll(/`([^`]+)`/g)]);
    expect(rows.map(([, name]) => name!).sort()).toEqual([...views.names, ...views.macros].sort());
  } finally {
    views.close();
    rmSync(scratch, { recursive: true, force: true });
  }
});
