import { randomUUID } from 'node:crypto';
import * as z from 'zod';
import { commentsIn } from '../../warehouse/sql-text.ts';
import { AwsFault, jsonRoute, parseJson, type Routes } from './protocol.ts';
import {
  parseSql,
  pgType,
  type SqlBackend,
  SqlFailure,
  type SqlResult,
  type SqlSession,
  SqlUnavailable,
} from './sql.ts';

const Value = z.strictObject({
  isNull: z.boolean().optional(),
  stringValue: z.string().optional(),
  longValue: z.number().int().optional(),
  doubleValue: z.union([z.number(), z.enum(['NaN', 'Infinity', '-Infinity'])]).optional(),
  booleanValue: z.boolean().optional(),
  blobValue: z.string().optional(),
  arrayValue: z.unknown().optional(),
});

export const SqlParameter = z.strictObject({
  name: z.string(),
  value: Value.optional(),
  typeHint: z.enum(['JSON', 'UUID', 'TIMESTAMP', 'DATE', 'TIME', 'DECIMAL']).optional(),
});
export type SqlParameter = z.infer<typeof SqlParameter>;

const HINTED = { JSON: 'jsonb', UUID: 'uuid', TIMESTAMP: 'timestamp', DATE: 'date', TIME: 'time', DECIMAL: 'numeric' };
const HINT_FORMATS = {
  DATE: /^\d{4}-\d\d-\d\d$/,
  TIME: /^\d\d:\d\d:\d\d(\.\d{1,6})?$/,
  TIMESTAMP: /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d{1,6})?$/,
};

interface Bound {
  /** PostgreSQL type the value is sent as; undefined for an untyped NULL. */
  type: string | undefined;
  value: string | null;
}

/**
 * Turns a statement with named parameters into one with `$n` and text values. Every value carries its type
 * as a cast, because the Data API sends typed values: a stringValue without typeHint is `text`, and comparing
 * it with a date fails there, so it has to fail here.
 * @throws AwsFault ValidationException for more than one statement, BadRequestException for a bad parameter or comment
 */
export function bindSql(
  sql: string,
  parameters: SqlParameter[],
): { text: string; values: (string | null)[]; keyword: string } {
  const { pieces, names, statements, keyword } = parseSql(sql);
  // The wire protocol ends a statement at a NUL, and takes what follows for something else.
  if (sql.includes('\0')) throw new AwsFault('ValidationException', 'sql: the statement holds a NUL');
  // AWS takes these for parameters, texts and ends of statements; openWarehouse sends no comment.
  if (commentsIn(sql).some(([from, to]) => /:[A-Za-z_]|['";]/.test(sql.slice(from, to))))
    throw badParameter('A comment holds a quote, a semicolon or a :name, which the Data API trips over');
  if (statements > 1) throw new AwsFault('ValidationException', "Multistatements aren't supported");
  if (statements === 0) throw new AwsFault('ValidationException', 'sql: the statement is empty');
  const given = new Map<string, Bound>();
  for (const parameter of parameters) {
    if (given.has(parameter.name)) throw badParameter(`Parameter ${parameter.name} is given twice`);
    given.set(parameter.name, bound(parameter));
  }
  const positions = new Map<string, number>();
  const values: (string | null)[] = [];
  let text = pieces[0] ?? '';
  names.forEach((name, index) => {
    const parameter = given.get(name);
    if (!parameter) throw badParameter(`Cannot find parameter: ${name}`);
    const position = positions.get(name) ?? values.push(parameter.value);
    positions.set(name, position);
    text += parameter.type === undefined ? `$${position}` : `($${position}::${parameter.type})`;
    text += pieces[index + 1] ?? '';
  });
  return { text, values, keyword };
}

function bound({ name, value, typeHint }: SqlParameter): Bound {
  const entries = Object.entries(value ?? {});
  const [kind, content] = entries[0] ?? [];
  if (entries.length !== 1 || kind === undefined) throw badParameter(`Parameter ${name} needs exactly one value`);
  if (kind === 'arrayValue') throw badParameter(`Parameter ${name}: Array parameters are not supported.`);
  if (kind === 'isNull') {
    if (content !== true) throw badParameter(`Parameter ${name}: isNull must be true`);
    return { type: typeHint && HINTED[typeHint], value: null };
  }
  if (typeHint && kind !== 'stringValue') throw badParameter(`Parameter ${name}: typeHint goes with a stringValue`);
  if (kind === 'stringValue')
    return { type: typeHint ? HINTED[typeHint] : 'text', value: hinted(name, String(content), typeHint) };
  if (kind === 'blobValue')
    return { type: 'bytea', value: `\\x${Buffer.from(String(content), 'base64').toString('hex')}` };
  const type = { longValue: 'int8', doubleValue: 'float8', booleanValue: 'bool' }[kind];
  return { type, value: String(content) };
}

function hinted(name: string, text: string, typeHint: SqlParameter['typeHint']): string {
  const format = HINT_FORMATS[typeHint as keyof typeof HINT_FORMATS];
  if (format && !format.test(text)) {
    const wanted = { DATE: 'YYYY-MM-DD', TIME: 'HH:MM:SS[.FFF]', TIMESTAMP: 'YYYY-MM-DD HH:MM:SS[.FFF]' };
    throw badParameter(
      `Parameter ${name}: ${typeHint} wants ${wanted[typeHint as keyof typeof wanted]}, found ${text}`,
    );
  }
  return text;
}

function badParameter(message: string): AwsFault {
  return new AwsFault('BadRequestException', message);
}

const RESPONSE_LIMIT_BYTES = 1024 * 1024;
const ROW_LIMIT_BYTES = 64 * 1024;

const Cluster = { resourceArn: z.string().min(1), secretArn: z.string().min(1) };
const ExecuteStatement = z.strictObject({
  ...Cluster,
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

const words = (text: string): ReadonlySet<string> => new Set(text.split(' '));
/** Refused in a transaction, too: it begins and ends by operations of its own, and there is no way for COPY's rows. */
const REFUSED = words('begin start commit end rollback abort savepoint release prepare copy');
/** Statements that only mean something within a session; outside a transaction each statement has its own. */
const SESSION_BOUND = words('execute deallocate set reset listen unlisten declare fetch move close discard');

const BeginTransaction = z.strictObject({ ...Cluster, database: z.string().optional(), schema: z.string().optional() });
const EndTransaction = z.strictObject({ ...Cluster, transactionId: z.string() });

/**
 * The RDS Data API over one PostgreSQL. A statement without a transaction commits by itself.
 * @param idleMs after which a transaction nobody calls is rolled back
 */
export function dataApiRoutes(backend: SqlBackend, idleMs?: number): Routes {
  const transactions = new Transactions(backend, idleMs);
  const end = (command: 'COMMIT' | 'ROLLBACK', transactionStatus: string) =>
    jsonRoute(EndTransaction, async ({ transactionId }) => {
      await faulty(transactions.end(transactionId, command), true);
      return { transactionStatus };
    });
  return {
    'POST /Execute': (body) => executeStatement(backend, transactions, parseJson(ExecuteStatement, body)),
    'POST /BeginTransaction': jsonRoute(BeginTransaction, async () => ({
      transactionId: await faulty(transactions.begin(), true),
    })),
    'POST /CommitTransaction': end('COMMIT', 'Transaction Committed'),
    'POST /RollbackTransaction': end('ROLLBACK', 'Rollback Complete'),
  };
}

async function executeStatement(
  backend: SqlBackend,
  transactions: Transactions,
  request: ExecuteStatement,
): Promise<string> {
  const { text, values, keyword } = bindSql(request.sql, request.parameters ?? []);
  const { transactionId } = request;
  if (REFUSED.has(keyword) || (transactionId === undefined && SESSION_BOUND.has(keyword))) {
    const reason = 'is bound to a session, and every statement of the Data API has its own';
    throw new AwsFault('BadRequestException', `${keyword.toUpperCase()} ${reason}`);
  }
  const running =
    transactionId === undefined ? backend.query(text, values) : transactions.query(transactionId, text, values);
  const result = await faulty(running, values.length === 0);
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

async function faulty<T>(work: Promise<T>, positionsHold: boolean): Promise<T> {
  try {
    return await work;
  } catch (error) {
    throw databaseFault(error, positionsHold);
  }
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

export interface ReturnTypes {
  decimalReturnType?: 'STRING' | 'DOUBLE_OR_LONG' | undefined;
  longReturnType?: 'LONG' | 'STRING' | undefined;
}

/** One value as JSON text. `member` is the Field union's key; `plain` the value in formattedRecords. */
interface Encoded {
  member: string;
  json: string;
  plain: string;
}

/**
 * One value of a result as the `Field` union, as JSON text: `{"longValue":12}`. JSON is written by hand
 * because int8 goes beyond what a JavaScript number holds and AWS sends its digits as they are.
 */
export function fieldJson(oid: number, text: string | null, types: ReturnTypes): string {
  if (text === null) return '{"isNull":true}';
  const { member, json } = encode(oid, text, types);
  return `{"${member}":${json}}`;
}

/** One value as it stands in formattedRecords: numbers bare, decimals as strings unless asked otherwise. */
export function plainJson(oid: number, text: string | null, types: ReturnTypes): string {
  return text === null ? 'null' : encode(oid, text, types).plain;
}

function encode(oid: number, text: string, types: ReturnTypes): Encoded {
  const type = pgType(oid);
  switch (type.kind) {
    case 'boolean':
      return same('booleanValue', text === 't' ? 'true' : 'false');
    case 'long':
      return types.longReturnType === 'STRING' ? string(text) : same('longValue', text);
    case 'double':
      return number(text);
    case 'decimal':
      if (types.decimalReturnType !== 'DOUBLE_OR_LONG') return string(text);
      return /^-?\d+$/.test(text) ? same('longValue', text) : number(text);
    case 'instant':
      if (text.includes('infinity')) throw unsupported(`an infinite ${type.name}; cast it to text`);
      // The Data API gives a timestamptz as a UTC wall clock without its offset.
      return string(text.replace(/\+00$/, ''));
    case 'blob':
      return same('blobValue', JSON.stringify(Buffer.from(text.slice(2), 'hex').toString('base64')));
    case 'array':
      return array(type.element ?? 25, text, types);
    case 'refused':
      throw unsupported(`the unsupported data type ${type.name}; cast it to text`);
    default:
      return string(text);
  }
}

function string(text: string): Encoded {
  return same('stringValue', JSON.stringify(text));
}

function same(member: string, json: string): Encoded {
  return { member, json, plain: json };
}

/** JSON has no NaN; the SDKs read these three as strings. */
function number(text: string): Encoded {
  const value = Number(text);
  return same('doubleValue', JSON.stringify(Number.isFinite(value) ? value : text));
}

function array(elementOid: number, text: string, types: ReturnTypes): Encoded {
  const elements = arrayElements(text).map((element) => (element === null ? null : encode(elementOid, element, types)));
  const member = elements.find((element) => element !== null)?.member ?? 'stringValue';
  const plain = `[${elements.map((element) => element?.json ?? 'null').join(',')}]`;
  return { member: 'arrayValue', json: `{"${member}s":${plain}}`, plain };
}

/** Elements of a one-dimensional array in PostgreSQL's text form: `{1,NULL,"a,b"}`. */
export function arrayElements(text: string): (string | null)[] {
  if (!text.startsWith('{') || text.startsWith('{{')) throw unsupported('a multidimensional array');
  const elements: (string | null)[] = [];
  for (const [, quoted, bare] of text.slice(1, -1).matchAll(/"((?:[^"\\]|\\.)*)"|([^,]+)/gs)) {
    if (quoted !== undefined) elements.push(quoted.replaceAll(/\\(.)/gs, '$1'));
    else elements.push(bare === 'NULL' ? null : (bare ?? ''));
  }
  return elements;
}

function unsupported(what: string): AwsFault {
  return new AwsFault('UnsupportedResultException', `The result contains ${what}`);
}

/** On AWS three minutes; here a night's statements may be waiting behind one whose caller has died. */
const IDLE_MS = 20_000;

interface Open {
  session: SqlSession;
  /** Calls that have not been answered. */
  running: number;
  idle?: NodeJS.Timeout;
}

/** The open transactions of the Data API by their ids, each in a session of its own. */
export class Transactions {
  private readonly open = new Map<string, Open>();

  constructor(
    private readonly backend: SqlBackend,
    private readonly idleMs = IDLE_MS,
  ) {}

  async begin(): Promise<string> {
    const session = await this.backend.session();
    try {
      await session.query('BEGIN', []);
    } catch (error) {
      await session.close().catch(() => undefined);
      throw error;
    }
    const id = randomUUID();
    const opened = { session, running: 0 };
    this.open.set(id, opened);
    this.rest(id, opened);
    return id;
  }

  /** @throws AwsFault TransactionNotFoundException */
  async query(id: string, text: string, values: (string | null)[]): Promise<SqlResult> {
    const found = this.find(id);
    clearTimeout(found.idle);
    found.running += 1;
    try {
      return await found.session.query(text, values);
    } finally {
      found.running -= 1;
      this.rest(id, found);
    }
  }

  /** @throws AwsFault TransactionNotFoundException; BadRequestException for a commit after a failed statement */
  async end(id: string, command: 'COMMIT' | 'ROLLBACK'): Promise<void> {
    const { session, idle } = this.find(id);
    clearTimeout(idle);
    this.open.delete(id);
    try {
      const done = (await session.query(command, [])).command;
      if (done !== command) {
        throw new AwsFault('BadRequestException', `A statement of transaction ${id} failed: it is rolled back`);
      }
    } finally {
      await session.close();
    }
  }

  private find(id: string): Open {
    const found = this.open.get(id);
    if (found) return found;
    throw new AwsFault('TransactionNotFoundException', `Transaction ${id} is not found`, 404);
  }

  private rest(id: string, opened: Open): void {
    if (opened.running > 0 || this.open.get(id) !== opened) return;
    opened.idle = setTimeout(() => void this.end(id, 'ROLLBACK').catch(() => undefined), this.idleMs).unref();
  }
}
