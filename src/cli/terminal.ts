import { styleText } from 'node:util';

/** Where a command writes: the answer to stdout, everything else to stderr. */
export interface Terminal {
  json: boolean;
  /** Live lines that overwrite each other; only on a real terminal. */
  live: boolean;
  colour: boolean;
  /** The answer. */
  print(text: string): void;
  /** Progress, warnings. */
  note(text: string): void;
}

export function openTerminal(options: { json?: boolean; noColor: boolean }): Terminal {
  const json = options.json === true;
  return {
    json,
    live: process.stderr.isTTY === true && !json,
    colour: process.stdout.isTTY === true && !options.noColor && !json,
    print: (text) => void process.stdout.write(`${text}\n`),
    note: (text) => void process.stderr.write(`${text}\n`),
  };
}

const COLOURS = {
  Succeeded: 'green',
  Skipped: 'gray',
  Partial: 'yellow',
  Held: 'yellow',
  Failed: 'red',
  Interrupted: 'red',
} as const;

export function statusWord(status: string, { colour }: Pick<Terminal, 'colour'>): string {
  const tint = COLOURS[status as keyof typeof COLOURS];
  return colour && tint ? styleText(tint, status) : status;
}

export type Cell = string | number | null | undefined;

/** Columns as wide as their longest cell, numbers to the right, one line a row. */
export function table(
  head: readonly string[],
  rows: readonly (readonly Cell[])[],
  write: (value: number) => string = figure,
): string {
  const cells = rows.map((row) => row.map((cell) => (typeof cell === 'number' ? write(cell) : (cell ?? ''))));
  const widths = head.map((title, column) => Math.max(title.length, ...cells.map((row) => row[column]?.length ?? 0)));
  const right = head.map((_, column) => rows.length > 0 && rows.every((row) => isFigure(row[column])));
  const line = (row: readonly string[]) =>
    row
      .map((text, column) => (right[column] ? text.padStart(widths[column]!) : text.padEnd(widths[column]!)))
      .join('  ')
      .trimEnd();
  return [line(head), ...cells.map(line)].join('\n');
}

function isFigure(cell: Cell): boolean {
  return cell === null || cell === undefined || typeof cell === 'number';
}

/** 116,747 · 12.3 */
export function figure(value: number): string {
  return value.toLocaleString('en-US', { maximumFractionDigits: Number.isInteger(value) ? 0 : 1 });
}
