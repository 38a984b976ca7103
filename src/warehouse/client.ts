import {
  BeginTransactionCommand,
  ExecuteStatementCommand,
  type ExecuteStatementCommandOutput,
  type Field,
  RDSDataClient,
  RollbackTransactionCommand,
  type SqlParameter,
} from '@aws-sdk/client-rds-data';
import type { Config } from '../config.ts';
import { NamedError } from '../errors.ts';
import { wellFormed } from '../text.ts';
import pricesAndLedger from './migrations/001-prices-and-ledger.sql';
import indexMembersAndSplits from './migrations/002-index-members-and-splits.sql';
import symbolHistory from './migrations/003-symbol-history.sql';
import metadataAndValuations from './migrations/004-metadata-and-valuations.sql';
import whoseMetadata from './migrations/005-whose-metadata.sql';
import splitsOfOneDay from './migrations/006-splits-of-one-day.sql';
import dividends from './migrations/007-dividends.sql';
import listsOfThePast from './migrations/008-lists-of-the-past.sql';
import { withoutComments } from './sql-text.ts';
import stepDownSql from './step-down.sql';

/** A value for a `:name` in SQL; everything that is not a JS scalar goes as a JSON string. */
export type SqlValue = string | number | boolean | null;
export type SqlRow = Record<string, string | number | boolean | null>;

/** The warehouse over the RDS Data API: one statement a call, transactions only to read (docs/design.md, Warehouse). */
export interface Warehouse {
  /** @throws Database.Resuming while Aurora wakes up or does not answer; Database.Failed with its own message otherwise. */
  query(sql: string, values?: Record<string, SqlValue>): Promise<SqlRow[]>;
  /** One statement of a person, in a session and a read-only transaction of its own that is always rolled back. */
  read(sql: string): Promise<SqlRow[]>;
}

/** @throws Config.Invalid when the cluster or its secret is not configured. */
export function openWarehouse(config: Config, client = new RDSDataClient({})): Warehouse {
  const { DATABASE_CLUSTER_ARN: resourceArn, DATABASE_SECRET_ARN: secretArn, DATABASE_NAME: database } = config;
  if (!resourceArn || !secretArn) {
    throw new NamedError('Config.Invalid', {
      what: 'the warehouse is not configured',
      found: `DATABASE_CLUSTER_ARN ${resourceArn ? 'set' : 'unset'}, DATABASE_SECRET_ARN ${secretArn ? 'set' : 'unset'}`,
      wanted: 'both',
    });
  }
  const cluster = { resourceArn, secretArn };
  const execute = (sql: string, more: { parameters?: SqlParameter[]; transactionId?: string | undefined }) =>
    client.send(
      new ExecuteStatementCommand({
        ...cluster,
        database,
        sql: withoutComments(sql),
        ...more,
        includeResultMetadata: true,
        resultSetOptions: { decimalReturnType: 'STRING' },
      }),
    );
  return {
    async query(sql, values = {}) {
      const parameters = Object.entries(values).map(([name, value]) => parameter(name, value));
      try {
        return rowsOf(await execute(sql, { parameters }));
      } catch (error) {
        throw named(error as Error);
      }
    },
    async read(sql) {
      let transactionId: string | undefined;
      try {
        ({ transactionId } = await client.send(new BeginTransactionCommand({ ...cluster, database })));
        await execute('SET TRANSACTION READ ONLY', { transactionId });
        await execute(stepDownSql, { transactionId });
        return rowsOf(await execute(sql, { transactionId }), exactNumber);
      } catch (error) {
        throw named(error as Error);
      } finally {
        // One that cannot be rolled back is never committed either: it ends with its session.
        const rollback = transactionId && new RollbackTransactionCommand({ ...cluster, transactionId });
        if (rollback) await client.send(rollback).catch(() => undefined);
      }
    },
  };
}

function parameter(name: string, value: SqlValue): SqlParameter {
  if (value === null) return { name, value: { isNull: true } };
  if (typeof value === 'boolean') return { name, value: { booleanValue: value } };
  if (typeof value === 'number') {
    return { name, value: Number.isInteger(value) ? { longValue: value } : { doubleValue: value } };
  }
  // PostgreSQL takes neither NUL nor half a surrogate pair (22P02, 22021), wherever the text comes from.
  return { name, value: { stringValue: wellFormed(value) } };
}

type Scalar = SqlRow[string];

function rowsOf(
  { records = [], columnMetadata = [] }: ExecuteStatementCommandOutput,
  read: (value: Scalar, type?: string) => Scalar = (value) => value,
): SqlRow[] {
  const names = distinct(columnMetadata.map((column, index) => column.label ?? column.name ?? String(index)));
  const value = (field: Field, index: number) => read(scalar(field), columnMetadata[index]?.typeName);
  return records.map((record) => Object.fromEntries(record.map((field, index) => [names[index], value(field, index)])));
}

/** For a person a NUMERIC is a number, where that has every digit of it: prices, a market's capitalisation. */
function exactNumber(value: Scalar, type?: string): Scalar {
  if (typeof value !== 'string' || type !== 'numeric') return value;
  const digits = value.includes('.') ? value.replace(/\.?0+$/, '') : value;
  return String(Number(value)) === digits ? Number(value) : value;
}

/** Two columns of one name are two columns: `count`, `count:1`. */
function distinct(names: readonly string[]): string[] {
  const seen = new Map<string, number>();
  return names.map((name) => {
    const times = seen.get(name) ?? 0;
    seen.set(name, times + 1);
    return times === 0 ? name : `${name}:${times}`;
  });
}

function scalar(field: Field): string | number | boolean | null {
  return field.stringValue ?? field.longValue ?? field.doubleValue ?? field.booleanValue ?? null;
}

/** What the Data API answers for a while and then no longer: the state machines wait and ask again. */
const PASSING = [
  'DatabaseResumingException',
  'DatabaseUnavailableException',
  'StatementTimeoutException',
  'ServiceUnavailableError',
  'InternalServerErrorException',
];

function named(error: Error): Error {
  if (PASSING.includes(error.name) || /Communications link failure/.test(error.message)) {
    const what = error.name === 'DatabaseResumingException' ? 'is waking up' : 'does not answer yet';
    return new NamedError('Database.Resuming', `the warehouse ${what}: ${error.message}`, { cause: error });
  }
  return new NamedError('Database.Failed', `the warehouse refused a statement: ${error.message}`, { cause: error });
}

interface Migration {
  id: string;
  sql: string;
}

/** In order; applied ones are never edited, a change is a new file. Every statement may run twice. */
export const MIGRATIONS: readonly Migration[] = [
  { id: '001-prices-and-ledger', sql: pricesAndLedger },
  { id: '002-index-members-and-splits', sql: indexMembersAndSplits },
  { id: '003-symbol-history', sql: symbolHistory },
  { id: '004-metadata-and-valuations', sql: metadataAndValuations },
  { id: '005-whose-metadata', sql: whoseMetadata },
  { id: '006-splits-of-one-day', sql: splitsOfOneDay },
  { id: '007-dividends', sql: dividends },
  { id: '008-lists-of-the-past', sql: listsOfThePast },
];

const LEDGER =
  'CREATE TABLE IF NOT EXISTS schema_migrations (id TEXT PRIMARY KEY, applied_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP)';

/**
 * Wakes the warehouse and applies what is missing. Returns the ids applied now.
 * @throws Database.Failed where a newer version has been at work, whose tables this one does not know
 */
export async function migrate(warehouse: Warehouse): Promise<string[]> {
  await warehouse.query(LEDGER);
  const applied = new Set((await warehouse.query('SELECT id FROM schema_migrations')).map((row) => row.id));
  const newer = [...applied].filter((id) => !MIGRATIONS.some((known) => known.id === id)).sort();
  if (newer.length > 0) {
    throw new NamedError('Database.Failed', {
      what: 'the warehouse belongs to a newer version',
      found: `its migration${newer.length === 1 ? '' : 's'} ${newer.join(', ')}`,
      wanted: `none after ${MIGRATIONS.at(-1)!.id}`,
      todo: 'Go back to the newer version, or restore what was backed up before the upgrade (docs/upgrade.md)',
    });
  }
  const missing = MIGRATIONS.filter(({ id }) => !applied.has(id));
  for (const { id, sql } of missing) {
    for (const statement of statements(sql)) await warehouse.query(statement);
    await warehouse.query('INSERT INTO schema_migrations (id) VALUES (:id) ON CONFLICT DO NOTHING', { id });
  }
  return missing.map(({ id }) => id);
}

/** The Data API takes one statement a call; in our files a statement ends with `;` at the end of a line. */
export function statements(sql: string): string[] {
  return sql
    .split(/;\s*$/m)
    .map((statement) => statement.trim())
    .filter((statement) => statement.replace(/--.*$/gm, '').trim() !== '');
}
