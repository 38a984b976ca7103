import { wellFormed } from './well-formed.ts';

/**
 * Every error a user or a state machine can meet, by name. The names are a contract: ASL Retry and Catch
 * match on them, docs/runbook explains them. Messages say what · found · wanted · what to do.
 */
export const ERROR_NAMES = [
  'Vendor.RateLimited',
  'Vendor.NotYetAvailable',
  'Vendor.AuthFailed',
  'Vendor.KeyMissing',
  'Vendor.Unavailable',
  'Vendor.BadRequest',
  'Vendor.NotFound',
  'Vendor.DateOutOfPlan',
  'Vendor.SymbolOutOfPlan',
  'Vendor.EndpointOutOfPlan',
  'Vendor.TruncatedBody',
  'Vendor.NoCredits',
  'Data.Invalid',
  'Model.Refused',
  'Model.Truncated',
  'Model.InvalidJson',
  'Model.WrongSymbols',
  'Model.OutOfRange',
  'Portfolio.Failed',
  'Budget.Exceeded',
  'Night.Held',
  'Night.Failed',
  'Night.LockBusy',
  'Release.Superseded',
  'Database.Resuming',
  'Database.Failed',
  'Pagination.CursorLoop',
  'Pagination.LimitReached',
  'Pagination.CursorExpired',
  'Lake.Conflict',
  'Lake.Corrupt',
  'Lake.WrongKind',
  'Lake.Unwritable',
  'Table.WriteFailed',
  'Job.Failed',
  'Job.Interrupted',
  'Home.Busy',
  'Home.Unwritable',
  'Usage.Invalid',
  'Config.Invalid',
] as const;
export type ErrorName = (typeof ERROR_NAMES)[number];

export interface ErrorText {
  /** What went wrong, one clause: "POLYGON_API_KEY was refused". */
  what: string;
  /** What was seen, as literally as is safe (never a key). */
  found?: string;
  /** What would have been right. */
  wanted?: string;
  /** What the reader does next: a command or a setting. */
  todo?: string;
}

/** An error whose `name` is one of ERROR_NAMES. `retryAfterSeconds` is the vendor's own wish, when it gave one. */
export class NamedError extends Error {
  override readonly name: ErrorName;
  readonly retryAfterSeconds: number | undefined;

  constructor(
    name: ErrorName,
    text: ErrorText | string,
    options: { cause?: unknown; retryAfterSeconds?: number } = {},
  ) {
    super(wellFormed(typeof text === 'string' ? text : sentence(text)), { cause: options.cause });
    this.name = name;
    this.retryAfterSeconds = options.retryAfterSeconds;
  }
}

function sentence({ what, found, wanted, todo }: ErrorText): string {
  const parts = [what];
  if (found !== undefined) parts.push(`found ${found}`);
  if (wanted !== undefined) parts.push(`wanted ${wanted}`);
  const head = parts.join('; ');
  if (todo === undefined) return head;
  return head.endsWith('\n') ? `${head}${todo}` : `${head}. ${todo}`;
}

/** The error's contract name, also for errors that crossed a process border as plain objects. */
export function errorName(error: unknown): string {
  return error instanceof Error ? error.name : 'Error';
}

export function isNamed(error: unknown, ...names: ErrorName[]): boolean {
  return error instanceof Error && (names as string[]).includes(error.name);
}
