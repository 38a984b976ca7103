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
  close(): Promise<void>;
}

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
