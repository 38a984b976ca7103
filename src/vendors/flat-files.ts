import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseDate } from '../calendar/sessions.ts';
import { NamedError } from '../errors.ts';
import { type DayFileRow, readDayFile } from './day-file.ts';

/** One session of a folder; `found` is false, and `rows` empty, when the folder has no file for it. */
export interface FlatSession {
  date: string;
  found: boolean;
  rows: DayFileRow[];
}

export interface FlatFiles {
  /** @throws NamedError `Data.Invalid` that names the file, when it is there but broken */
  session(date: string): Promise<FlatSession>;
  /** Dates (YYYY-MM-DD, inclusive, ascending) for which the folder has a file. */
  sessions(from: string, to: string): Promise<string[]>;
}

const LAYOUTS = [['us_stocks_sip', 'day_aggs_v1'], ['day_aggs_v1'], []];
const YEAR = /^\d{4}$/;
const MONTH = /^\d{2}$/;
const DAY_FILE = /^(\d{4}-\d{2}-\d{2})\.csv\.gz$/;

/**
 * A folder of Massive flat files, `us_stocks_sip/day_aggs_v1/YYYY/MM/YYYY-MM-DD.csv.gz`, given by any folder from
 * the parent of `us_stocks_sip` to that of the years. Prices are unadjusted.
 * @throws NamedError (from its calls) `Usage.Invalid` when no such folder is there
 */
export function flatFiles(folder: string): FlatFiles {
  let root: Promise<string> | undefined;
  const found = () => {
    root ??= findRoot(folder);
    return root;
  };
  return {
    async session(date) {
      const [year = '', month = ''] = parseDate(date).split('-');
      const file = join(await found(), year, month, `${date}.csv.gz`);
      const bytes = await readFile(file).catch(unlessMissing);
      if (bytes === undefined) return { date, found: false, rows: [] };
      return { date, found: true, rows: await readDayFile(bytes, file) };
    },
    async sessions(from, to) {
      const [first, last] = [parseDate(from), parseDate(to)];
      const dates: string[] = [];
      for (const month of await monthFolders(await found(), first.slice(0, 7), last.slice(0, 7))) {
        for (const name of await readdir(month)) {
          const date = DAY_FILE.exec(name)?.[1];
          if (date !== undefined && date >= first && date <= last) dates.push(date);
        }
      }
      return dates.sort();
    },
  };
}

async function findRoot(folder: string): Promise<string> {
  for (const layout of LAYOUTS) {
    const root = join(folder, ...layout);
    if ((await namesIn(root, YEAR)).length > 0) return root;
  }
  throw new NamedError('Usage.Invalid', {
    what: `${folder} holds no flat files`,
    wanted: 'us_stocks_sip/day_aggs_v1/YYYY/MM/YYYY-MM-DD.csv.gz in it',
    todo: 'Name the folder into which the files were copied.',
  });
}

async function monthFolders(root: string, first: string, last: string): Promise<string[]> {
  const folders: string[] = [];
  for (const year of await namesIn(root, YEAR)) {
    if (year < first.slice(0, 4) || year > last.slice(0, 4)) continue;
    for (const month of await namesIn(join(root, year), MONTH)) {
      if (`${year}-${month}` >= first && `${year}-${month}` <= last) folders.push(join(root, year, month));
    }
  }
  return folders;
}

async function namesIn(folder: string, pattern: RegExp): Promise<string[]> {
  const names = (await readdir(folder).catch(unlessMissing)) ?? [];
  return names.filter((name) => pattern.test(name));
}

function unlessMissing(error: NodeJS.ErrnoException): undefined {
  if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return undefined;
  throw error;
}
