import { randomBytes } from 'node:crypto';
import { inspect } from 'node:util';
import { figure, oneLine, type Stand, typedCommands } from '../text.ts';

/**
 * Where a command writes: the answer to stdout, everything else to stderr. Each text is one line: what vendors, the
 * model or a log put into it can neither begin another nor steer the terminal.
 */
export interface Terminal {
  json: boolean;
  /** Live lines that overwrite each other; only on a real terminal. */
  live: boolean;
  colour: boolean;
  /** The answer. */
  print(lines: string | readonly string[]): void;
  /** Progress, warnings. */
  note(lines: string | readonly string[]): void;
  /** A text of ours with its commands as they are typed here; `print` and `note` do it themselves, but for JSON. */
  typed(text: string): string;
}

export function openTerminal(options: { json?: boolean; noColor: boolean; stand: Stand }): Terminal {
  const json = options.json === true;
  const typed = (text: string) => typedCommands(text, options.stand);
  const shown = (lines: string | readonly string[]) => shownLines([lines].flat().map(typed));
  return {
    json,
    live: process.stderr.isTTY === true && !json,
    colour: process.stdout.isTTY === true && !options.noColor && !json,
    print: (lines) => void process.stdout.write(json ? jsonLine(lines) : shown(lines)),
    note: (lines) => void process.stderr.write(shown(lines)),
    typed,
  };
}

/** Pure: lines as a terminal may have them; of escape sequences only our own colours are left. */
export function shownLines(lines: string | readonly string[]): string {
  return [lines]
    .flat()
    .map((line) => `${line.split(OWN).map(shownPart).join('')}\n`)
    .join('');
}

/** Pure: text of several lines from outside; those after the first are set in, so that none looks like ours. */
export function blockOf(text: string): string[] {
  return text.split(/\r?\n/).map((line, index) => (index === 0 ? line : `  ${line}`));
}

/** Pure: a JSON document whose texts a terminal shows without obeying them; whoever parses it gets the same values. */
export function jsonLine(document: string | readonly string[]): string {
  const escaped = (text: string) =>
    Array.from({ length: text.length }, (_, index) => `\\u${text.charCodeAt(index).toString(16).padStart(4, '0')}`);
  const shown = [document].flat().join('');
  return `${shown.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, (found) => escaped(found).join(''))}\n`;
}

const COLOURS = {
  Succeeded: 'green',
  Skipped: 'gray',
  Partial: 'yellow',
  Held: 'yellow',
  Failed: 'red',
  Interrupted: 'red',
} as const;

/** Nobody outside knows it, so a colour with it is our own. */
const SEAL = randomBytes(8).toString('hex');
const OWN = new RegExp(`(\u001b\\[${SEAL};\\d+m)`);

export function statusWord(status: string, { colour }: Pick<Terminal, 'colour'>): string {
  const tint = COLOURS[status as keyof typeof COLOURS];
  const [on, off] = (tint && inspect.colors[tint]) ?? [];
  return colour && tint ? `\u001b[${SEAL};${on}m${status}\u001b[${SEAL};${off}m` : status;
}

/** Between two colours stands text, at even places. */
function shownPart(part: string, place: number): string {
  return place % 2 === 0 ? oneLine(part) : part.replace(`${SEAL};`, '');
}

export type Cell = string | number | null | undefined;

/** Columns as wide as their longest cell, numbers to the right, one line a row. */
export function table(
  head: readonly string[],
  rows: readonly (readonly Cell[])[],
  write: (value: number) => string = figure,
): string[] {
  const cells = rows.map((row) => row.map((cell) => (typeof cell === 'number' ? write(cell) : (cell ?? ''))));
  const widths = head.map((title, column) => Math.max(title.length, ...cells.map((row) => widthOf(row[column] ?? ''))));
  const right = head.map((_, column) => rows.length > 0 && rows.every((row) => isFigure(row[column])));
  const line = (row: readonly string[]) =>
    row
      .map((text, column) => {
        const gap = ' '.repeat(widths[column]! - widthOf(text));
        return right[column] ? `${gap}${text}` : `${text}${gap}`;
      })
      .join('  ')
      .trimEnd();
  return [line(head), ...cells.map(line)];
}

/** As shown: a colour takes no room. */
function widthOf(text: string): number {
  return text.split(OWN).reduce((width, part, place) => (place % 2 === 0 ? width + oneLine(part).length : width), 0);
}

function isFigure(cell: Cell): boolean {
  return cell === null || cell === undefined || typeof cell === 'number';
}

/** Commands whose answer on stdout is all they are run for: an answer that could not be written is a failure. */
const ANSWERING: ReadonlySet<string> = new Set([
  'status',
  'query',
  'quarantine',
  'portfolios',
  'report',
  'verify',
  'logs',
]);

/** What became of the streams a command writes to. */
export interface Streams {
  /** Aborted when nobody reads stdout any more; a command that would print for ever may end then. */
  unread: AbortSignal;
  /** The exit code of `command`, whose work ended with `code`. */
  exitCode(code: number, command: string): number;
}

/**
 * Keeps a stream that is closed (`| head -2`) or cannot be written (a full device) from ending the command: its work
 * goes on to its end. A closed stdout has been read as far as somebody wanted; one that cannot be written is reported
 * on stderr. There is nowhere to report a stderr that cannot be written.
 */
export function watchStreams(stdout: NodeJS.WriteStream, stderr: NodeJS.WriteStream): Streams {
  const unread = new AbortController();
  let lost = false;
  stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') unread.abort();
    else if (!lost) {
      lost = true;
      stderr.write(`stdout cannot be written: ${error.message}. The answer is lost; what was stored is not.\n`);
    }
  });
  stderr.on('error', () => undefined);
  return {
    unread: unread.signal,
    exitCode: (code, command) => (lost && code === 0 && ANSWERING.has(command) ? 1 : code),
  };
}
