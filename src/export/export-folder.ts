import { mkdirSync, readdirSync, readFileSync, renameSync, rmdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { crc32 } from 'node:zlib';
import * as z from 'zod';
import { diskTrouble, NamedError } from '../errors.ts';
import { code, sync } from '../lake/durable.ts';
import { holderOf, tryLock } from '../local/file-lock.ts';
import { makeFolder } from '../local/home.ts';
import { counted, jsonOrUndefined } from '../text.ts';
import { FORMATS, type SeriesSpan } from './format.ts';
import { ADJUSTMENTS } from './series.ts';

/** Says what a folder is; written first, and again when everything is in place. */
export const MANIFEST = 'afterbell-export.json';
/** For the lock and unfinished files, where no backtester looks. */
const WORK = '.afterbell-export';
/** What a file manager leaves in a folder that it shows. */
const LITTER = ['.DS_Store', 'Thumbs.db', 'desktop.ini'];

const Settings = z.strictObject({
  format: z.enum(FORMATS),
  version: z.number(),
  lake: z.string(),
  adjust: z.enum(ADJUSTMENTS),
  symbols: z.array(z.string()).nullable(),
  from: z.string().nullable(),
  to: z.string().nullable(),
});
/** What an export is made with; another folder for other settings. */
export type ExportSettings = z.infer<typeof Settings>;

const StoredFiles = z.array(z.tuple([z.string(), z.number(), z.number()]));
/** Path, bytes and CRC of each. */
export type StoredFiles = z.infer<typeof StoredFiles>;

const Span = z.object({ name: z.string(), first: z.number(), last: z.number() });
const StoredSymbol = z.object({
  rows: z.number(),
  first: z.number(),
  last: z.number(),
  checksum: z.string(),
  basis: z.string(),
  spans: z.array(Span),
  files: StoredFiles,
});
/** What is exported of a symbol, and what it was made of. */
export interface StoredSymbol extends z.infer<typeof StoredSymbol> {
  spans: SeriesSpan[];
}

const Manifest = z.object({
  made_by: z.literal('afterbell export'),
  settings: Settings,
  /** Whether the files are those listed; not so while an export is at work, or after one that was killed. */
  complete: z.boolean(),
  /** First and last session; null before the first export is done. */
  sessions: z.tuple([z.string(), z.string()]).nullable(),
  left_out: z.array(z.object({ symbol: z.string(), reason: z.string() })),
  shared: StoredFiles,
  symbols: z.record(z.string(), StoredSymbol),
});
export type Manifest = z.infer<typeof Manifest>;

/** A folder of ours to which nobody else exports. */
export interface ExportFolder {
  manifest: Manifest;
  /** Whether a file is as the manifest has it: by its size, after a killed export by its content. */
  isAsStored(file: StoredFiles[number]): boolean;
  read(path: string): Buffer | undefined;
  write(path: string, bytes: Buffer): void;
  remove(path: string): void;
  save(manifest: Manifest): Promise<void>;
  close(): void;
}

/**
 * The manifest of a folder that is to be exported to; undefined for one that is empty or not there. Only looks.
 * @throws Usage.Invalid for a folder of something else, or of other settings
 */
export function lookAt(folder: string, settings: ExportSettings): Manifest | undefined {
  let names: string[];
  try {
    names = readdirSync(folder);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new NamedError('Usage.Invalid', {
      what: `${folder} is no folder to export to`,
      found: (error as Error).message,
      todo: 'Name another folder.',
    });
  }
  if (!names.includes(MANIFEST)) {
    const others = names.filter((name) => name !== WORK && !LITTER.includes(name));
    if (others.length === 0) return undefined;
    throw new NamedError('Usage.Invalid', {
      what: `${folder} is not an export of afterbell, and nothing in it was changed`,
      found: `${counted(others.length, 'entry', 'entries')}, ${others[0]} among them, and no ${MANIFEST}`,
      wanted: 'a folder that is empty, not there, or an earlier export',
      todo: 'Name another folder.',
    });
  }
  const json = jsonOrUndefined(readFileSync(join(folder, MANIFEST), 'utf8'));
  const manifest = Manifest.safeParse(json).data;
  if (!manifest) {
    throw new NamedError('Usage.Invalid', {
      what: `${join(folder, MANIFEST)} cannot be read, and nothing was changed`,
      wanted: 'the manifest of an export, as this version writes it',
      todo: 'Export into another folder, or remove this one first.',
    });
  }
  requireSame(folder, manifest.settings, settings);
  return manifest;
}

const NAMES: Record<keyof ExportSettings, string> = {
  format: 'format',
  version: 'version of the format',
  lake: 'lake',
  adjust: '--adjust',
  symbols: '--symbols',
  from: '--from',
  to: '--to',
};

function requireSame(folder: string, stored: ExportSettings, asked: ExportSettings): void {
  const text = (value: unknown) => (value === null ? 'none' : [value].flat().join(','));
  const other = (Object.keys(NAMES) as (keyof ExportSettings)[]).filter(
    (name) => text(stored[name]) !== text(asked[name]),
  );
  if (other.length === 0) return;
  const said = (settings: ExportSettings) => other.map((name) => `${NAMES[name]} ${text(settings[name])}`).join(', ');
  throw new NamedError('Usage.Invalid', {
    what: `${folder} is another export, and nothing in it was changed`,
    found: said(stored),
    wanted: said(asked),
    todo: 'Export into another folder, or give the command the settings of this one.',
  });
}

/** Makes the folder, or takes up the one that is there. @throws Home.Busy, Home.Unwritable; Usage.Invalid as `lookAt` */
export async function openFolder(folder: string, settings: ExportSettings): Promise<ExportFolder> {
  const work = join(folder, WORK);
  const draft = join(work, 'draft');
  const named = (error: unknown) => unwritable(folder, error);
  try {
    // Where nothing can be made, such as /proc, a recursive mkdir of Node.js never returns.
    await makeFolder(work);
  } catch (error) {
    throw named(error);
  }
  const lockPath = join(work, 'lock');
  const lock = await tryLock(lockPath, `process ${process.pid}`);
  if (!lock) {
    throw new NamedError('Home.Busy', {
      what: `${folder} is being exported to`,
      found: holderOf(lockPath),
      todo: 'Try again when it has ended.',
    });
  }
  const found = lookAt(folder, settings);
  const manifest = found ?? {
    made_by: 'afterbell export',
    settings,
    complete: false,
    sessions: null,
    left_out: [],
    shared: [],
    symbols: {},
  };
  const made = new Set<string>();
  const pathOf = (path: string) => `${folder}/${path}`;
  const put = (path: string, bytes: Buffer) => {
    const parent = dirname(path);
    if (!made.has(parent)) mkdirSync(parent, { recursive: true });
    made.add(parent);
    writeFileSync(draft, bytes);
    renameSync(draft, path);
  };
  const read = (path: string) => {
    try {
      return readFileSync(pathOf(path));
    } catch (error) {
      if (code(error) === 'ENOENT') return undefined;
      throw named(error);
    }
  };
  return {
    manifest: manifest as Manifest,
    read,
    isAsStored([path, bytes, crc]) {
      const size = statSync(pathOf(path), { throwIfNoEntry: false })?.size;
      return size === bytes && (manifest.complete || crc32(readFileSync(pathOf(path))) === crc);
    },
    write(path, bytes) {
      try {
        put(pathOf(path), bytes);
      } catch (error) {
        throw named(error);
      }
    },
    remove(path) {
      rmSync(pathOf(path), { force: true });
      try {
        // A folder of this file's own; any other is not empty.
        rmdirSync(dirname(pathOf(path)));
      } catch {}
    },
    async save(next) {
      try {
        put(join(folder, MANIFEST), Buffer.from(manifestText(next)));
        await sync(join(folder, MANIFEST));
        await sync(folder);
      } catch (error) {
        throw named(error);
      }
    },
    close() {
      rmSync(draft, { force: true });
      lock.release();
    },
  };
}

/** A line a symbol, so that it can be read and compared. */
function manifestText({ symbols, ...head }: Manifest): string {
  const lines = Object.entries(symbols).map(
    ([symbol, stored]) => `${JSON.stringify(symbol)}: ${JSON.stringify(stored)}`,
  );
  const rest = JSON.stringify(head, null, 1).replace(/\n}$/, ',');
  return `${rest}\n "symbols": {${lines.length === 0 ? '' : `\n${lines.join(',\n')}\n `}}\n}\n`;
}

function unwritable(folder: string, error: unknown): unknown {
  if (error instanceof NamedError) return error;
  const { reason = (error as Error).message } = diskTrouble(error) ?? {};
  return new NamedError('Home.Unwritable', { what: `${folder} cannot be written`, found: reason }, { cause: error });
}
