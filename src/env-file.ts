import { readFileSync, type Stats, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { parseEnv } from 'node:util';
import { NamedError } from './errors.ts';

/** Far above any list of settings, and far below what would take time to read. */
const MOST_BYTES = 1_000_000;

/**
 * The settings of an env file, NAME=value a line; none when there is no file. A byte order mark is let pass.
 * @throws Config.Invalid for what is no plain file, cannot be read, or has a line that is no setting; values, which may
 *   be keys, are never shown
 */
export function readEnvSettings(path: string): Record<string, string> {
  const text = textOf(path);
  if (text === undefined) return {};
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    const problem = problemOf(line);
    // Node's own reader stops at such a line without a word, and with it every setting after it.
    if (problem) throw unreadable(path, `${problem} in line ${index + 1}`);
  }
  return parseEnv(text) as Record<string, string>;
}

function problemOf(line: string): string | undefined {
  if (/^\s*(#.*)?$/.test(line)) return undefined;
  const value = /^\s*(?:export\s+)?[A-Za-z_][A-Za-z0-9_]*\s*=\s*(.*)$/.exec(line)?.[1];
  if (value === undefined) return 'no setting';
  if (value.includes('\0')) return 'a NUL';
  const quote = /^["'`]/.exec(value)?.[0];
  return quote && !value.slice(1).includes(quote) ? 'a quote that is not closed' : undefined;
}

/** Opening a pipe would wait for somebody to write into it, so what it is comes first. */
function textOf(path: string): string | undefined {
  try {
    const found = statSync(path, { throwIfNoEntry: false });
    if (!found) return undefined;
    const problem = kindProblem(found);
    if (problem) throw unreadable(path, problem);
    return new TextDecoder('utf-8', { fatal: true }).decode(readFileSync(path));
  } catch (error) {
    if (error instanceof NamedError) throw error;
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ERR_ENCODING_INVALID_ENCODED_DATA') throw unreadable(path, 'bytes that are not UTF-8');
    if (code === 'EACCES') throw unreadable(path, 'a file this user may not read');
    throw unreadable(path, message);
  }
}

function kindProblem(found: Stats): string | undefined {
  if (found.isDirectory()) return 'a folder';
  if (!found.isFile()) return 'a pipe, socket or device';
  return found.size > MOST_BYTES ? `${found.size} bytes` : undefined;
}

function unreadable(path: string, found: string): NamedError {
  return new NamedError('Config.Invalid', {
    what: `${path} cannot be read`,
    found,
    wanted: 'a UTF-8 text file with NAME=value or NAME="value" a line',
  });
}

/** Pure but for whose home it is: a path, or the URL of one, that begins with `~` or `$HOME`, as a shell would read it. */
export function inHome(path: string): string {
  return path.replace(/^(file:\/\/)?(?:~(?=\/|$)|\$HOME\b|\$\{HOME\})/, (_, scheme = '') => `${scheme}${homedir()}`);
}

/** Blank text would be read as the number 0, which is a retention nobody asked for. */
export function blank(value: unknown): boolean {
  return typeof value === 'string' && value.trim() === '';
}
