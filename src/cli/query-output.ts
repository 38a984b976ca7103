import { existsSync, statSync } from 'node:fs';
import { link, rename, rm } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { diskTrouble, NamedError } from '../errors.ts';
import { code } from '../lake/durable.ts';
import { removeLast } from '../local/last-steps.ts';
import { counted } from '../text.ts';
import type { Terminal } from './terminal.ts';

export interface QueryOptions {
  warehouse?: boolean;
  output?: string;
  csv?: string;
  parquet?: string;
  force?: boolean;
}

const FORMS = ['table', 'json', 'csv'] as const;

/** How rows are printed. */
export type Form = (typeof FORMS)[number];

/** @throws Usage.Invalid for an unknown form, or two of them */
export function askedForm({ output }: QueryOptions, { json }: Pick<Terminal, 'json'>): Form {
  const form = FORMS.find((one) => one === output);
  if (output !== undefined && !form)
    throw new NamedError('Usage.Invalid', { what: `--output ${output} is unknown`, wanted: FORMS.join(', ') });
  if (json && form && form !== 'json')
    throw new NamedError('Usage.Invalid', {
      what: `--json and --output ${form} exclude each other`,
      wanted: 'one of them',
    });
  return form ?? (json ? 'json' : 'table');
}

/** Where the rows go instead of the screen. */
export interface ExportFile extends NewFile {
  format: 'csv' | 'parquet';
  /** As the user wrote it. */
  named: string;
}

/** @throws Usage.Invalid for two files, for one that is there, and for Parquet from the warehouse */
export function askedFile({ csv, parquet, output, force, warehouse }: QueryOptions): ExportFile | undefined {
  const named = csv ?? parquet;
  if (named === undefined) {
    if (force) throw new NamedError('Usage.Invalid', { what: '--force goes with --csv FILE or --parquet FILE' });
    return undefined;
  }
  if ((csv !== undefined && parquet !== undefined) || output !== undefined) {
    const wanted = 'one of --csv, --parquet and --output';
    throw new NamedError('Usage.Invalid', { what: 'the rows can go to one place', wanted });
  }
  if (warehouse && parquet !== undefined) {
    const found = 'numbers come from PostgreSQL as text';
    throw new NamedError('Usage.Invalid', { what: '--parquet is for the lake', found, wanted: '--csv FILE' });
  }
  return { ...newFile(named, force), named, format: csv === undefined ? 'parquet' : 'csv' };
}

export function tellWritten(rows: number, { named }: ExportFile, terminal: Terminal): void {
  if (terminal.json) terminal.print(JSON.stringify({ file: named, rows }));
  else terminal.print(`${counted(rows, 'row')} written to ${named}`);
}

/** Pure: RFC 4180, the head first; nothing for no rows, whose columns are not known. */
export function csvLines(rows: readonly Readonly<Record<string, unknown>>[]): string[] {
  const [first] = rows;
  if (!first) return [];
  const head = Object.keys(first);
  return [head, ...rows.map((row) => head.map((name) => row[name]))].map((cells) => cells.map(csvCell).join(','));
}

/** No value is an empty cell, an empty text a quoted one. */
function csvCell(value: unknown): string {
  if (value === null || value === undefined) return '';
  const text = typeof value === 'object' ? JSON.stringify(value) : String(value);
  return text === '' || /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** A file that a command is to leave where its user said. */
interface NewFile {
  path: string;
  /** It may take the place of another file. */
  force: boolean;
}

/** @throws Usage.Invalid where a file is already, unless it may be replaced, or where no file can be */
function newFile(path: string, force = false): NewFile {
  const whole = resolve(path);
  const found = existsSync(whole) ? statSync(whole) : undefined;
  if (found && !found.isFile())
    throw new NamedError('Usage.Invalid', { what: `${path} is no file`, wanted: 'a path for a new file' });
  if (found && !force) throw exists(path);
  if (!existsSync(dirname(whole)))
    throw new NamedError('Usage.Invalid', { what: `there is no folder ${dirname(whole)}`, todo: 'Make it first.' });
  return { path: whole, force };
}

/**
 * Has `write` fill a file beside it, which then gets the name: readers see the whole file or what was there before.
 * @throws Usage.Invalid when a file has come there meanwhile, or the folder takes none
 */
export async function fillFile<T>({ path, force }: NewFile, write: (draft: string) => Promise<T>): Promise<T> {
  const draft = join(dirname(path), `.${basename(path)}.${process.pid}.draft`);
  const removed = removeLast(draft);
  try {
    const result = await write(draft);
    if (force) await rename(draft, path);
    else await link(draft, path).catch((error: unknown) => withoutLinks(error, draft, path));
    return result;
  } catch (error) {
    if (error instanceof NamedError) throw error;
    const reason = diskTrouble(error)?.reason;
    if (!reason) throw error;
    throw new NamedError('Usage.Invalid', { what: `${path} cannot be written`, found: reason }, { cause: error });
  } finally {
    await rm(draft, { force: true });
    removed();
  }
}

/** A disk without hard links (FAT, some network shares) has no way to give a name only where there is none. */
async function withoutLinks(error: unknown, draft: string, path: string): Promise<void> {
  if (code(error) === 'EEXIST' || existsSync(path)) throw exists(path);
  if (!['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS'].includes(code(error) ?? '')) throw error;
  await rename(draft, path);
}

function exists(path: string): NamedError {
  return new NamedError('Usage.Invalid', {
    what: `${path} exists`,
    wanted: 'a path where there is no file',
    todo: 'Name another one, or replace it with --force.',
  });
}
