import * as z from 'zod';
import { AwsFault } from './fault.ts';
import { parseJson, type Routes } from './route.ts';
import { type SqlBackend, SqlFailure, type SqlResult, SqlUnavailable } from './sql-backend.ts';
import { fieldJson, plainJson, type ReturnTypes } from './sql-fields.ts';
import { bindSql, SqlParameter } from './sql-parameters.ts';
import { pgType } from './sql-types.ts';

const RESPONSE_LIMIT_BYTES = 1024 * 1024;
const ROW_LIMIT_BYTES = 64 * 1024;

const ExecuteStatement = z.strictObject({
  resourceArn: z.string().min(1),
  secretArn: z.string().min(1),
  sql: z.string(),
  database: z.string().optional(),
  parameters: z.array(SqlParameter).optional(),
  transactionId: z.string().optional(),
  includeResultMetadata: z.boolean().optional(),
  continueAfterTimeout: z.boolean().optional(),
  resultSetOptions: z
    .strictObject({
      decimalReturnType: z.enum(['STRING', 'DOUBLE_OR_LONG']).optional(),
      longReturnType: z.enum(['LONG', 'STRING']).optional(),
    })
    .optional(),
  formatRecordsAs: z.enum(['NONE', 'JSON']).optional(),
});
type ExecuteStatement = z.infer<typeof ExecuteStatement>;

/** Statements that only mean something within a session; through the Data API each statement has its own. */
const SESSION_BOUND = new Set(
  'begin start commit end rollback abort savepoint release prepare execute deallocate set reset listen unlisten declare fetch move close discard copy'.split(
    ' ',
  ),
);

/**
 * The RDS Data API over one PostgreSQL. Statements run strictly one after another; each commits by itself.
 * Transactions are refused: an open one would block PGlite's single connection for everybody.
 */
export function dataApiRoutes(backend: SqlBackend): Routes {
  let last: Promise<unknown> = Promise.resolve();
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const turn = last.then(work);
    last = turn.catch(() => undefined);
    return turn;
  };
  return {
    'POST /Execute': (body) => {
      const request = parseJson(ExecuteStatement, body);
      return inTurn(() => executeStatement(backend, request));
    },
    'POST /BeginTransaction': noTransactions,
    'POST /CommitTransaction': noTransactions,
    'POST /RollbackTransaction': noTransactions,
  };
}

async function noTransactions(): Promise<never> {
  throw new AwsFault('BadRequestException', 'Transactions are not available on a laptop; write with one statement');
}

async function executeStatement(backend: SqlBackend, request: ExecuteStatement): Promise<string> {
  if (request.transactionId !== undefined) {
    throw new AwsFault('TransactionNotFoundException', `Transaction ${request.transactionId} is not found`, 404);
  }
  const { text, values, keyword } = bindSql(request.sql, request.parameters ?? []);
  if (SESSION_BOUND.has(keyword)) {
    const reason = 'is bound to a session, and every statement of the Data API has its own';
    throw new AwsFault('BadRequestException', `${keyword.toUpperCase()} ${reason}`);
  }
  const result = await backend.query(text, values).catch((error: unknown) => {
    throw databaseFault(error, values.length === 0);
  });
  const answer = answerJson(result, request);
  if (answer.bytes > RESPONSE_LIMIT_BYTES) {
    throw new AwsFault('UnsupportedResultException', 'The result exceeds the size limit 1 MB');
  }
  return answer.body;
}

/** `bytes` is what the 1 MiB limit counts: the records, or the formatted text before it is quoted again. */
function answerJson(result: SqlResult, request: ExecuteStatement): { body: string; bytes: number } {
  const types = request.resultSetOptions ?? {};
  const isSelect = result.command === 'SELECT';
  const updated = `"numberOfRecordsUpdated":${isSelect || !/^(INSERT|UPDATE|DELETE|MERGE)$/.test(result.command) ? 0 : result.count}`;
  if (result.columns.length === 0) return sized(`{${updated}}`);
  for (const row of result.rows) checkRow(row);
  if (isSelect && request.formatRecordsAs === 'JSON') {
    const records = formattedRecords(result, types);
    return { body: `{${updated},"formattedRecords":${JSON.stringify(records)}}`, bytes: Buffer.byteLength(records) };
  }
  const records = result.rows.map(
    (row) => `[${row.map((text, i) => fieldJson(result.columns[i]?.oid ?? 0, text, types)).join(',')}]`,
  );
  const metadata = request.includeResultMetadata ? `,"columnMetadata":${JSON.stringify(columnMetadata(result))}` : '';
  return sized(`{${updated},"records":[${records.join(',')}]${metadata}}`);
}

function formattedRecords({ columns, rows }: SqlResult, types: ReturnTypes): string {
  if (new Set(columns.map(({ name }) => name)).size < columns.length) {
    throw new AwsFault('BadRequestException', 'Two columns have the same name; JSON records need different ones');
  }
  const keys = columns.map(({ name }) => JSON.stringify(name));
  const record = (row: (string | null)[]) =>
    row.map((text, i) => `${keys[i]}:${plainJson(columns[i]?.oid ?? 0, text, types)}`).join(',');
  return `[${rows.map((row) => `{${record(row)}}`).join(',')}]`;
}

function columnMetadata({ columns }: SqlResult): unknown[] {
  return columns.map(({ name, oid }) => {
    const type = pgType(oid);
    return { name, label: name, type: type.jdbc, typeName: type.name };
  });
}

function checkRow(row: (string | null)[]): void {
  const bytes = row.reduce((sum, text) => sum + (text === null ? 0 : Buffer.byteLength(text)), 0);
  if (bytes > ROW_LIMIT_BYTES) {
    throw new AwsFault('UnsupportedResultException', 'The result contains a row that exceeds the size limit 64 KB');
  }
}

function sized(body: string): { body: string; bytes: number } {
  return { body, bytes: Buffer.byteLength(body) };
}

/** The Data API's own sentence: `ERROR: relation "x" does not exist; Position: 15; SQLState: 42P01`. */
function databaseFault(error: unknown, positionsHold: boolean): unknown {
  if (error instanceof SqlUnavailable) return new AwsFault('DatabaseUnavailableException', error.message, 504);
  if (!(error instanceof SqlFailure)) return error;
  const parts = [`${error.severity}: ${error.message}`];
  if (error.hint !== undefined) parts.push(`Hint: ${error.hint}`);
  if (error.position !== undefined && positionsHold) parts.push(`Position: ${error.position}`);
  parts.push(`SQLState: ${error.code}`);
  return new AwsFault('DatabaseErrorException', parts.join('; '));
}
