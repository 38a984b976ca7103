import type * as z from 'zod';
import { wellFormed } from './text.ts';

/**
 * Every error a user or a state machine can meet, by name. The names are a contract: ASL Retry and Catch
 * match on them, docs/runbook.md explains them. Messages say what · found · wanted · what to do.
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
  'Night.EventRefused',
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

/** An error whose `name` is one of ERROR_NAMES. `retryAfterSeconds` is how long the vendor asked us to wait, when it did. */
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

/** Characters of a part; what was found may be a whole answer, and a message goes into logs, tables and notifications. */
const LONGEST_PART = 8_000;

function sentence({ what, found, wanted, todo }: ErrorText): string {
  const parts = [what];
  if (found !== undefined) parts.push(`found ${bounded(found)}`);
  if (wanted !== undefined) parts.push(`wanted ${bounded(wanted)}`);
  const head = parts.join('; ');
  if (todo === undefined) return head;
  return head.endsWith('\n') ? `${head}${todo}` : `${head}. ${todo}`;
}

function bounded(text: string): string {
  return text.length > LONGEST_PART ? `${text.slice(0, LONGEST_PART)}…` : text;
}

/** The error's contract name, also for errors that crossed a process border as plain objects. */
export function errorName(error: unknown): string {
  return error instanceof Error ? error.name : 'Error';
}

export function isNamed(error: unknown, ...names: ErrorName[]): boolean {
  return error instanceof Error && (names as string[]).includes(error.name);
}

/**
 * What a schema finds wrong with a value, a text a problem: `settings.MODE: expected string, received number`.
 * @param whole what the value itself is called
 */
export function schemaProblems({ issues }: z.ZodError, whole = ''): string[] {
  return issues.map(({ path, message }) =>
    [path.join('.') || whole, message.replace(/^Invalid input: /, '')].filter(Boolean).join(': '),
  );
}

/** The first of them, e.g. as the reason beside a refused row. */
export function firstProblem(error: z.ZodError, whole?: string): string {
  return schemaProblems(error, whole)[0] ?? 'cannot be read';
}

const REASONS: Readonly<Record<string, string>> = {
  ENOSPC: 'the disk is full',
  EDQUOT: 'the disk quota is used up',
  EACCES: 'permission denied',
  EPERM: 'operation not permitted',
  EROFS: 'the file system is read-only',
};

/** LevelDB and PostgreSQL hand on the system's words, not its code. */
const SAID: readonly [RegExp, string][] = [
  [/\bENOSPC\b|no space left on device/i, 'ENOSPC'],
  [/\bEDQUOT\b|disk quota exceeded/i, 'EDQUOT'],
  [/\bEROFS\b|read-only file system/i, 'EROFS'],
];

export interface DiskTrouble {
  reason: string;
  /** Only free space fixes it. */
  full: boolean;
}

/** Pure: what the system's refusal to write means, or undefined for an error of another kind. */
export function diskTrouble(error: unknown): DiskTrouble | undefined {
  const { code = '', message = String(error) } = (error ?? {}) as { code?: unknown; message?: string };
  const key = String(code) in REASONS ? String(code) : SAID.find(([words]) => words.test(message))?.[1];
  const reason = REASONS[key ?? ''];
  return reason === undefined ? undefined : { reason, full: key === 'ENOSPC' || key === 'EDQUOT' };
}

const TOO_FEW_FILES = 'Too few files may be open at once';
const MET_THE_LIMIT = new RegExp(`${TOO_FEW_FILES}|\\bE[MN]FILE\\b|too many open files`, 'i');

/**
 * Pure: an error that says what to do when the limit of open files was met, wherever in its causes; undefined for any
 * other. Drivers wrap it in a TypeError (`fetch failed`) or an error of their own.
 */
export function fewFiles(error: unknown): NamedError | undefined {
  let met: Error | undefined;
  for (let one = error, depth = 0; one instanceof Error && depth < 10; one = one.cause, depth += 1) {
    const { code } = one as NodeJS.ErrnoException;
    if (code === 'EMFILE' || code === 'ENFILE' || MET_THE_LIMIT.test(one.message)) met = one;
  }
  if (!met) return undefined;
  const said = met.message.indexOf(TOO_FEW_FILES);
  if (said < 0) return tooFewFiles(met.message, error);
  return new NamedError('Home.Unwritable', met.message.slice(said), { cause: error });
}

export function tooFewFiles(found: string, cause?: unknown): NamedError {
  const text = {
    what: TOO_FEW_FILES,
    found,
    wanted: 'room for some 400',
    todo: 'Raise the limit (ulimit -n 4096) and run the same command again.',
  };
  return new NamedError('Home.Unwritable', text, { cause });
}
