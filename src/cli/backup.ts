import { createHash } from 'node:crypto';
import { constants, createReadStream, existsSync } from 'node:fs';
import { copyFile, mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { pipeline } from 'node:stream/promises';
import * as z from 'zod';
import { inFlight, stopIfAsked } from '../concurrency.ts';
import { diskTrouble, NamedError } from '../errors.ts';
import { sync } from '../lake/durable.ts';
import { isLockOrScratch, lockDatabases, makeFolder, openHome, WRITER_WAITS_MS } from '../local/home.ts';
import { removeLast } from '../local/last-steps.ts';
import { SCHEDULE_RECORD } from '../local/nightly-timer.ts';
import { counted, figure, jsonOrUndefined } from '../text.ts';
import { type Context, requireBegun } from './context.ts';
import { localOnly } from './pipeline.ts';

/** The list of a backup's files, written last: a folder without one is no backup. */
const LIST = 'backup.json';
const FORMAT = 1;
const FILES_AT_ONCE = 8;

const Backup = z.object({
  format: z.number(),
  /** Of the program that made it. */
  version: z.string(),
  at: z.string(),
  /** The data directory it was made of. */
  home: z.string(),
  /** Every folder: PostgreSQL wants some that are empty. */
  folders: z.array(z.string()),
  /** Path below the folder → bytes and checksum. */
  files: z.record(z.string(), z.object({ bytes: z.number(), sha256: z.string() })),
});
type Backup = z.infer<typeof Backup>;

/** Copies a data directory while nobody writes to it, and compares every copy with what it was made of. */
export async function backup(folder: string, _options: object, context: Context): Promise<number> {
  if (context.stage) throw localOnly('backup', "a stage's lake and tables keep earlier versions (docs/runbook.md)");
  await requireBegun(context);
  const { config, terminal, signal, program } = context;
  const target = resolve(folder);
  const home = resolve(config.AFTERBELL_HOME);
  requireApart(home, target);
  await requireAbsent(target, 'backup');
  const owner = await openHome(home, { mode: 'write', opening: true });
  try {
    const databases = await lockDatabases(home, { waitMs: WRITER_WAITS_MS, onWait: terminal.note, signal });
    try {
      const found = await entriesBelow(home);
      // A copy has no timer of its own, and no catalog that names the files of another folder: its next night writes one.
      const isLeft = (name: string) => isLockOrScratch(name) || name.startsWith('lake/catalog/');
      const names = found.files.filter((name) => !isLeft(name) && name !== SCHEDULE_RECORD);
      const folders = found.folders.filter((name) => !isLeft(`${name}/`));
      const version = String(JSON.parse(await readFile(join(program.root, 'package.json'), 'utf8')).version);
      await inNewFolder(target, async (draft) => {
        const files = await copyAll({ names, folders }, home, draft, signal);
        const list: Backup = { format: FORMAT, version, at: new Date().toISOString(), home, folders, files };
        await writeFile(join(draft, LIST), `${JSON.stringify(list)}\n`);
        await sync(join(draft, LIST));
        say('Backed up', files, target, context);
      });
    } finally {
      databases.release();
    }
  } finally {
    await owner.close();
  }
  for (const line of elsewhere(context)) terminal.note(line);
  return 0;
}

/** Makes a data directory of a backup; AFTERBELL_HOME must not be there yet. */
export async function restore(folder: string, _options: object, context: Context): Promise<number> {
  if (context.stage) throw localOnly('restore', 'docs/runbook.md says how a stage is restored');
  const source = resolve(folder);
  const target = resolve(context.config.AFTERBELL_HOME);
  requireApart(source, target);
  const { files, folders } = await readList(source);
  await requireAbsent(target, 'restore');
  await inNewFolder(target, async (draft) => {
    const copied = await copyAll({ names: Object.keys(files), folders }, source, draft, context.signal);
    const damaged = Object.keys(files).filter((name) => copied[name]!.sha256 !== files[name]!.sha256);
    if (damaged.length > 0) throw damagedBackup(source, `${damaged[0]} is not what was backed up`, damaged.length);
    say('Restored', files, target, context);
  });
  for (const line of elsewhere(context)) context.terminal.note(line);
  return 0;
}

function say(done: string, files: Backup['files'], target: string, { terminal }: Context): void {
  const bytes = Object.values(files).reduce((sum, file) => sum + file.bytes, 0);
  const count = Object.keys(files).length;
  if (terminal.json) terminal.print(JSON.stringify({ folder: target, files: count, bytes }));
  else terminal.print(`${done} and compared: ${counted(count, 'file')}, ${figure(bytes / 1e6)} MB, in ${target}`);
}

/** What is not in the data directory is in no backup of it. */
function elsewhere({ config }: Context): string[] {
  return [
    ...(config.LAKE_URI === undefined ? [] : [`The lake at ${config.LAKE_URI} is not part of it: copy it yourself.`]),
    ...(config.DATABASE_URL === undefined
      ? []
      : [
          'The PostgreSQL of DATABASE_URL is not part of it: pg_dump copies that, `verify --repair` fills it from the lake.',
        ]),
  ];
}

/** @throws Usage.Invalid where one folder would be copied into itself */
function requireApart(one: string, other: string): void {
  const within = (path: string, root: string) => path === root || path.startsWith(root + sep);
  if (!within(one, other) && !within(other, one)) return;
  throw new NamedError('Usage.Invalid', {
    what: 'the backup and the data directory lie in each other',
    found: `${one} and ${other}`,
    wanted: 'two folders apart, best on two disks',
  });
}

/** @throws Usage.Invalid: nothing is ever overwritten */
async function requireAbsent(path: string, verb: string): Promise<void> {
  const entries = await readdir(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw notAFolder(path, error);
  });
  if (entries.length === 0) return;
  throw new NamedError('Usage.Invalid', {
    what: `${verb} does not overwrite ${path}`,
    found: counted(entries.length, 'entry', 'entries'),
    wanted: 'a folder that is empty or not there',
    todo: verb === 'restore' ? 'Move it away, or name another AFTERBELL_HOME.' : 'Name another folder.',
  });
}

function notAFolder(path: string, error: Error): NamedError {
  return new NamedError('Usage.Invalid', { what: `${path} is no folder to write to`, found: error.message });
}

/** @throws Lake.Corrupt for what is no backup, or one of a newer version */
async function readList(source: string): Promise<Backup> {
  const text = await readFile(join(source, LIST), 'utf8').catch(() => undefined);
  if (text === undefined)
    throw new NamedError('Usage.Invalid', { what: `${source} is no backup`, found: `no ${LIST} in it` });
  const json = jsonOrUndefined(text) as { format?: unknown; version?: unknown } | undefined;
  if (typeof json?.format === 'number' && json.format > FORMAT) {
    throw new NamedError('Usage.Invalid', {
      what: `${source} was made by a newer version`,
      found: `afterbell ${json.version}, format ${json.format}`,
      wanted: `format ${FORMAT}`,
      todo: 'Check out that version, or a newer one, and build it.',
    });
  }
  const list = Backup.safeParse(json).data;
  if (!list) throw damagedBackup(source, `${LIST} cannot be read`);
  const outside = [...Object.keys(list.files), ...list.folders].find(
    (name) => !join(source, name).startsWith(source + sep),
  );
  if (outside !== undefined) throw damagedBackup(source, `${LIST} names ${outside}, which is not below it`);
  return list;
}

function damagedBackup(source: string, found: string, count = 1): NamedError {
  return new NamedError('Lake.Corrupt', {
    what: `the backup ${source} is damaged, and nothing was restored`,
    found: `${found}${count > 1 ? `, nor are ${count - 1} others` : ''}`,
    todo: 'Use an earlier backup; `verify` counts what a data directory holds.',
  });
}

/** Makes a folder beside the target and gives it its name when the work is done; else nothing is left of it. */
async function inNewFolder(target: string, work: (draft: string) => Promise<void>): Promise<void> {
  const draft = `${target}.partial-${process.pid}`;
  const done = removeLast(draft);
  try {
    await makeFolder(dirname(target));
    await mkdir(draft);
    await work(draft);
    await rename(draft, target);
    await sync(dirname(target));
  } catch (error) {
    await rm(draft, { recursive: true, force: true });
    if (error instanceof NamedError) throw error;
    const { reason = (error as Error).message } = diskTrouble(error) ?? {};
    throw new NamedError('Home.Unwritable', { what: `${target} cannot be written`, found: reason }, { cause: error });
  } finally {
    done();
  }
}

/** Paths of folders and plain files below a folder, in order. */
async function entriesBelow(root: string): Promise<{ folders: string[]; files: string[] }> {
  const entries = (await readdir(root, { recursive: true, withFileTypes: true })).map((entry) => ({
    path: relative(root, join(entry.parentPath, entry.name)),
    isFile: entry.isFile(),
    isFolder: entry.isDirectory(),
  }));
  const pathsOf = (some: typeof entries) => some.map(({ path }) => path).sort();
  return {
    folders: pathsOf(entries.filter((one) => one.isFolder)),
    files: pathsOf(entries.filter((one) => one.isFile)),
  };
}

/** Copies files, reads each copy back and compares it with what it was made of. @throws Lake.Corrupt */
async function copyAll(
  { names, folders }: { names: readonly string[]; folders: readonly string[] },
  from: string,
  to: string,
  signal: AbortSignal,
): Promise<Backup['files']> {
  const files: Backup['files'] = {};
  for (const folder of folders) await mkdir(join(to, folder), { recursive: true });
  await inFlight(
    names,
    FILES_AT_ONCE,
    async (name) => {
      const [source, target] = [join(from, name), join(to, name)];
      if (!existsSync(source)) throw damagedBackup(from, `${name} is missing`);
      await copyFile(source, target, constants.COPYFILE_FICLONE);
      await sync(target);
      const [sha256, again] = [await sha256Of(source), await sha256Of(target)];
      if (sha256 !== again)
        throw new NamedError('Lake.Corrupt', { what: `${target} is not what ${source} is`, todo: 'Check both disks.' });
      files[name] = { bytes: (await stat(target)).size, sha256 };
    },
    signal,
  );
  stopIfAsked(signal);
  return files;
}

async function sha256Of(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  return hash.digest('hex');
}
