import { parseDate } from '../calendar/sessions.ts';
import { NamedError } from '../errors.ts';
import { type DayFileRow, readDayFile } from './day-file.ts';
import { folderShelf, type Shelf } from './flat-shelf.ts';

/** One session of flat files; `found` is false, and `rows` empty, when there is no file for it. */
export interface FlatSession {
  date: string;
  found: boolean;
  rows: DayFileRow[];
}

export interface FlatFiles {
  /** @throws NamedError `Data.Invalid` that names the file, when it is there but broken */
  session(date: string): Promise<FlatSession>;
  /** Dates (YYYY-MM-DD, inclusive, ascending) for which there is a file. */
  sessions(from: string, to: string): Promise<string[]>;
}

const LAYOUTS = ['us_stocks_sip/day_aggs_v1/', 'day_aggs_v1/', ''];
/** The calendar takes no bars of a year before; a folder of something else is not searched as a whole. */
const FIRST_YEAR = 1962;
const DAY_FILE = /^\d{4}\/\d{2}\/(\d{4}-\d{2}-\d{2})\.csv\.gz$/;

/**
 * Massive flat files, `us_stocks_sip/day_aggs_v1/YYYY/MM/YYYY-MM-DD.csv.gz`, given by any folder (or bucket prefix)
 * from the parent of `us_stocks_sip` to that of the years. Prices are unadjusted.
 * @throws NamedError (from its calls) `Usage.Invalid` when no such files are there
 */
export function flatFiles(place: string | Shelf): FlatFiles {
  const shelf = typeof place === 'string' ? folderShelf(place) : place;
  let root: Promise<string> | undefined;
  const found = () => {
    root ??= findRoot(shelf);
    return root;
  };
  return {
    async session(date) {
      const [year = '', month = ''] = parseDate(date).split('-');
      const path = `${await found()}${year}/${month}/${date}.csv.gz`;
      const bytes = await shelf.read(path);
      if (bytes === undefined) return { date, found: false, rows: [] };
      return { date, found: true, rows: await readDayFile(bytes, `${shelf.uri}/${path}`) };
    },
    async sessions(from, to) {
      const [first, last] = [parseDate(from), parseDate(to)];
      const dates: string[] = [];
      // A list a year: 250 names fit into one answer of a bucket.
      for (let year = Number(first.slice(0, 4)); year <= Number(last.slice(0, 4)); year += 1) {
        const base = await found();
        for await (const { key } of shelf.list(`${base}${year}/`)) {
          const date = DAY_FILE.exec(key.slice(base.length))?.[1];
          if (date !== undefined && date >= first && date <= last) dates.push(date);
        }
      }
      return dates.sort();
    },
  };
}

async function findRoot(shelf: Shelf): Promise<string> {
  for (const root of LAYOUTS) {
    for (let year = new Date().getUTCFullYear(); year >= FIRST_YEAR; year -= 1) {
      for await (const { key } of shelf.list(`${root}${year}/`)) if (DAY_FILE.test(key.slice(root.length))) return root;
    }
  }
  throw new NamedError('Usage.Invalid', {
    what: `${shelf.uri} holds no flat files`,
    wanted: 'us_stocks_sip/day_aggs_v1/YYYY/MM/YYYY-MM-DD.csv.gz in it',
    todo: 'Name the folder or the bucket in which the files lie.',
  });
}
