import { commentEnd, QUOTED_SQL, SQL_WORD } from '../../warehouse/sql-text.ts';

/** A result as PostgreSQL sent it: every value in its text form, NULL as null. */
export interface SqlResult {
  columns: { name: string; oid: number }[];
  rows: (string | null)[][];
  /** Command tag in capitals without counts: SELECT, INSERT, CREATE. */
  command: string;
  /** Rows the command tag counts. */
  count: number;
}

/**
 * One PostgreSQL behind the Data API. Both adapters give values in PostgreSQL's text form with session time
 * zone UTC and ISO dates, so what a caller sees does not depend on the adapter.
 */
export interface SqlBackend {
  /** Runs one statement with `$n` values in text form. @throws SqlFailure | SqlUnavailable */
  query(text: string, values: (string | null)[]): Promise<SqlResult>;
  /** A session for one caller, whose statements are its own until it is closed. */
  session(): Promise<SqlSession>;
  close(): Promise<void>;
}

export interface SqlSession extends Pick<SqlBackend, 'query'> {
  /** Rolls back what is open; settings, locks and temporary tables end with it. */
  close(): Promise<void>;
}

/** What closes a session, in order: DISCARD ALL is refused inside a transaction. */
export const SESSION_END = ['ROLLBACK', 'DISCARD ALL'] as const;

/** The database refused the statement. `code` is the SQLSTATE. */
export class SqlFailure extends Error {
  readonly code: string;
  readonly severity: string;
  readonly hint: string | undefined;
  readonly position: string | undefined;

  constructor(message: string, fields: { code: string; severity?: string; hint?: string; position?: string }) {
    super(message);
    this.name = 'SqlFailure';
    this.code = fields.code;
    this.severity = fields.severity ?? 'ERROR';
    this.hint = fields.hint;
    this.position = fields.position;
  }
}

/** The database could not be reached, or is starting or stopping. */
export class SqlUnavailable extends Error {
  override readonly name = 'SqlUnavailable';
}

/** A statement cut at its named parameters. */
export interface ParsedSql {
  /** Text pieces; `names[i]` stands between `pieces[i]` and `pieces[i + 1]`. */
  pieces: string[];
  names: string[];
  /** Statements found; an empty one after the last `;` does not count. */
  statements: number;
  /** First keyword in lower case: `select`, `with`, `begin`; '' for an empty statement. */
  keyword: string;
}

const TOKEN = new RegExp(
  [...QUOTED_SQL, '::', ':=', String.raw`:(?<name>[A-Za-z_]\w*)`, ';', SQL_WORD, String.raw`[^\s]`].join('|'),
  'g',
);

/**
 * Finds the named parameters (`:name`) of a PostgreSQL statement, skipping quotes, comments, casts (`::`) and
 * dollar-quoted bodies. (The Data API itself replaces names inside dollar quotes too; do not write any there.)
 */
export function parseSql(sql: string): ParsedSql {
  const parsed: ParsedSql = { pieces: [], names: [], statements: 0, keyword: '' };
  const token = new RegExp(TOKEN);
  let pieceStart = 0;
  let inStatement = false;
  for (let match = token.exec(sql); match; match = token.exec(sql)) {
    const text = match[0];
    if (text === '/*') {
      token.lastIndex = commentEnd(sql, match.index);
      continue;
    }
    if (text.startsWith('--')) continue;
    if (text === ';') {
      inStatement = false;
      continue;
    }
    if (!inStatement) parsed.statements += 1;
    inStatement = true;
    if (parsed.keyword === '' && /^[A-Za-z]/.test(text)) parsed.keyword = text.toLowerCase();
    if (text.length > 1 && text.startsWith('$')) {
      const end = sql.indexOf(text, token.lastIndex);
      token.lastIndex = end < 0 ? sql.length : end + text.length;
    } else if (match.groups?.name !== undefined) {
      parsed.pieces.push(sql.slice(pieceStart, match.index));
      parsed.names.push(match.groups.name);
      pieceStart = token.lastIndex;
    }
  }
  parsed.pieces.push(sql.slice(pieceStart));
  return parsed;
}

/** How the Data API returns a PostgreSQL type. `refused`: it cannot (UnsupportedResultException). */
export type FieldKind = 'boolean' | 'long' | 'double' | 'decimal' | 'string' | 'instant' | 'blob' | 'array' | 'refused';

export interface PgType {
  name: string;
  kind: FieldKind;
  /** java.sql.Types code, as in columnMetadata.type. */
  jdbc: number;
  /** Element type's oid of an array. */
  element?: number;
}

const OTHER = 1111;
const SCALARS: Record<number, PgType> = {
  16: { name: 'bool', kind: 'boolean', jdbc: -7 },
  17: { name: 'bytea', kind: 'blob', jdbc: -2 },
  18: { name: 'char', kind: 'refused', jdbc: 1 },
  19: { name: 'name', kind: 'string', jdbc: 12 },
  20: { name: 'int8', kind: 'long', jdbc: -5 },
  21: { name: 'int2', kind: 'long', jdbc: 5 },
  23: { name: 'int4', kind: 'long', jdbc: 4 },
  25: { name: 'text', kind: 'string', jdbc: 12 },
  26: { name: 'oid', kind: 'long', jdbc: -5 },
  114: { name: 'json', kind: 'string', jdbc: OTHER },
  142: { name: 'xml', kind: 'refused', jdbc: 2009 },
  700: { name: 'float4', kind: 'double', jdbc: 7 },
  701: { name: 'float8', kind: 'double', jdbc: 8 },
  1042: { name: 'bpchar', kind: 'string', jdbc: 1 },
  1043: { name: 'varchar', kind: 'string', jdbc: 12 },
  1082: { name: 'date', kind: 'instant', jdbc: 91 },
  1083: { name: 'time', kind: 'string', jdbc: 92 },
  1114: { name: 'timestamp', kind: 'instant', jdbc: 93 },
  1184: { name: 'timestamptz', kind: 'instant', jdbc: 93 },
  1186: { name: 'interval', kind: 'refused', jdbc: OTHER },
  1700: { name: 'numeric', kind: 'decimal', jdbc: 2 },
  2950: { name: 'uuid', kind: 'string', jdbc: OTHER },
  3802: { name: 'jsonb', kind: 'string', jdbc: OTHER },
};

const ELEMENT_OF: Record<number, number> = {
  199: 114,
  1000: 16,
  1005: 21,
  1007: 23,
  1009: 25,
  1014: 1042,
  1015: 1043,
  1016: 20,
  1021: 700,
  1022: 701,
  1115: 1114,
  1182: 1082,
  1185: 1184,
  1231: 1700,
  2951: 2950,
  3807: 3802,
};

/** Every oid with a rule of its own; adapters switch their value parsers off for these. */
export const KNOWN_OIDS: readonly number[] = [...Object.keys(SCALARS), ...Object.keys(ELEMENT_OF)].map(Number);

/** The type behind an oid; enums, ranges and the rest are text, as the Data API gives them. */
export function pgType(oid: number): PgType {
  const element = ELEMENT_OF[oid];
  if (element !== undefined) {
    return { name: `_${SCALARS[element]?.name ?? 'text'}`, kind: 'array', jdbc: 2003, element };
  }
  return SCALARS[oid] ?? { name: 'text', kind: 'string', jdbc: OTHER };
}
