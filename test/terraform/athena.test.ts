import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { LIST_VIEWS } from '../../src/datasets/registry.ts';
import { HANGS_MS } from '../limits.ts';
import { morningHome, SESSION } from '../nights/scene.ts';
import { openTerraform, skipped, type Terraform } from './tooling.ts';

type Column = [name: string, type: string];

interface Table {
  columns: Column[];
  folder: string;
  template: string | null;
  keys: Record<string, { type: string; projection: Record<string, string> }>;
}

interface Athena {
  tables: Record<string, Table>;
  views: Record<string, { columns: Column[]; sql: string }>;
  queries: Record<string, { sql: string }>;
}

/** DuckDB's name of a Parquet type → Athena's. */
const TYPES: Record<string, string> = {
  VARCHAR: 'string',
  DATE: 'date',
  DOUBLE: 'double',
  BIGINT: 'bigint',
  INTEGER: 'int',
  BOOLEAN: 'boolean',
  TIMESTAMP: 'timestamp',
};

let terraform: Terraform | undefined;
let athena: Athena;
let lake = '';
let files: string[] = [];
let db: DuckDBConnection;

beforeAll(async () => {
  const found = await openTerraform();
  if (!found.terraform) return skipped(`the Athena tables, ${found.why}`);
  terraform = found.terraform;
  const input =
    'nonsensitive(jsonencode({ tables = local.athena_tables, views = local.athena_views, queries = local.athena_queries }))\n';
  const given = ['console', '-no-color', '-var=stage=dev', '-var=protect=false'];
  const { code, output } = await terraform.run(given, { input });
  expect(code, output).toBe(0);
  athena = JSON.parse(JSON.parse(output.trim()) as string) as Athena;
  lake = join(await morningHome(), 'lake');
  files = readdirSync(lake, { recursive: true, encoding: 'utf8' });
  db = await (await DuckDBInstance.create(':memory:')).connect();
}, HANGS_MS);

afterAll(() => {
  db?.closeSync();
  terraform?.close();
});

/** Every file of the table's folder: Athena reads them all, whatever they are. */
const filesOf = ({ folder }: Table) => files.filter((file) => file.startsWith(folder) && /\.[a-z]+$/.test(file)).sort();

/** The values of the partition keys in a file's path; undefined where the template does not lead to it. */
function partitionOf({ template }: Table, file: string): Record<string, string> | undefined {
  if (template === null) return {};
  const pattern = template.replace(/\$\{(\w+)\}/g, '(?<$1>[^/]+)');
  const found = new RegExp(`^${pattern}[^/]+$`).exec(file);
  return found ? { ...found.groups } : undefined;
}

/** Whether the rule of a key makes this value; a date or a number in another form would never be looked for. */
function isProjected({ projection }: Table['keys'][string], value: string): boolean {
  const { type, format, range = '', digits } = projection;
  const [from = '', to = ''] = range.split(',');
  if (type === 'injected') return true;
  if (type === 'integer') {
    const whole = /^\d+$/.test(value) && value === String(Number(value)).padStart(Number(digits), '0');
    return whole && Number(value) >= Number(from) && Number(value) <= Number(to);
  }
  const form = { yyyy: /^\d{4}$/, 'yyyy-MM-dd': /^\d{4}-\d{2}-\d{2}$/ }[format ?? ''];
  return form?.test(value) === true && value >= from && to === 'NOW';
}

async function rows(sql: string): Promise<Record<string, unknown>[]> {
  return (await db.runAndReadAll(sql)).getRowObjectsJson();
}

test('every table has the columns of the real files, in their order, under their types', async ({ skip }) => {
  if (!terraform) return skip();
  for (const [name, table] of Object.entries(athena.tables)) {
    const [file] = filesOf(table);
    expect(file, name).toBeDefined();
    const found = await rows(`DESCRIBE SELECT * FROM read_parquet('${join(lake, file!)}', hive_partitioning = false)`);
    expect(table.columns, name).toEqual(
      found.map(({ column_name, column_type }) => [column_name, TYPES[String(column_type)]]),
    );
  }
});

test('every file of a table is Parquet, in a partition that its rule looks for', ({ skip }) => {
  if (!terraform) return skip();
  for (const [name, table] of Object.entries(athena.tables)) {
    const found = filesOf(table);
    expect(found.filter((file) => !file.endsWith('.parquet') || !partitionOf(table, file))).toEqual([]);
    for (const file of found) {
      const values = partitionOf(table, file)!;
      expect(Object.keys(values).sort(), name).toEqual(Object.keys(table.keys));
      const unseen = Object.entries(values).filter(([key, value]) => !isProjected(table.keys[key]!, value));
      expect(unseen, file).toEqual([]);
    }
  }
});

test('every list has its table, but for the one with a text file beside it', ({ skip }) => {
  if (!terraform) return skip();
  const named = Object.keys(athena.tables).filter((name) => name.endsWith('_snapshots'));
  expect([...named, 'index_members_snapshots'].sort()).toEqual(
    LIST_VIEWS.map(({ dataset }) => `${dataset}_snapshots`).sort(),
  );
});

test('no partition key is a column', ({ skip }) => {
  if (!terraform) return skip();
  for (const { columns, keys } of Object.values(athena.tables)) {
    expect(columns.filter(([name]) => name in keys)).toEqual([]);
  }
});

test('the views and the saved queries answer from a practice lake', async ({ skip }) => {
  if (!terraform) return skip();
  for (const [name, table] of Object.entries(athena.tables)) {
    const parts = filesOf(table).map((file) => {
      const values = Object.entries(partitionOf(table, file)!).map(
        ([key, value]) => `, '${value}'::${table.keys[key]!.type === 'int' ? 'INTEGER' : 'VARCHAR'} AS ${key}`,
      );
      return `SELECT *, 's3://lake/${file}' AS "$path"${values.join('')} FROM read_parquet('${join(lake, file)}', hive_partitioning = false)`;
    });
    await db.run(`CREATE VIEW ${name} AS ${parts.join(' UNION ALL ')}`);
  }
  for (const [name, { columns, sql }] of Object.entries(athena.views)) {
    await db.run(`CREATE VIEW ${name} AS ${sql}`);
    const found = await rows(`DESCRIBE ${name}`);
    expect(columns, name).toEqual(
      found.map(({ column_name, column_type }) => [column_name, TYPES[String(column_type)]]),
    );
    const [count] = await rows(`SELECT count(*)::INTEGER AS rows FROM ${name}`);
    expect(count?.rows, name).toBeGreaterThan(0);
  }
  for (const [name, { sql }] of Object.entries(athena.queries)) {
    const here = sql.replace('2026-11-20', SESSION).replace("'2026'", `'${SESSION.slice(0, 4)}'`);
    expect((await rows(here)).length, name).toBeGreaterThan(0);
  }
});
