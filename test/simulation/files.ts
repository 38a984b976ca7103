import * as real from 'node:fs';
import { relative } from 'node:path';
import type { Owner, World } from './world.ts';

/** Everything in a folder, with its versions. */
export interface FolderContent {
  folders: string[];
  files: [path: string, bytes: Buffer][];
  versions: [path: string, version: { number: bigint; at: number }][];
  changes: bigint;
}

/**
 * A folder in memory (tmpfs) as one process sees it. Every change is an effect that may fail, be refused for want of
 * space, or be the last one its process makes; versions are counted instead of dated. Elsewhere the file system is itself.
 */
export class Folder {
  readonly root: string;
  #versions = new Map<string, { number: bigint; at: number }>();
  readonly #open = new Map<number, string>();
  #changes = 0n;
  /** The last listing, and after how many changes it was made. */
  #listed: { changes: bigint; keys: string[] } | undefined;

  /** @param content is in it from the beginning */
  constructor(root: string, content?: FolderContent) {
    this.root = root;
    real.rmSync(root, { recursive: true, force: true });
    real.mkdirSync(root, { recursive: true });
    if (!content) return;
    for (const path of content.folders) real.mkdirSync(`${root}/${path}`, { recursive: true });
    for (const [path, bytes] of content.files) real.writeFileSync(`${root}/${path}`, bytes);
    this.#versions = new Map(content.versions);
    this.#changes = content.changes;
  }

  content(): FolderContent {
    const found = real.readdirSync(this.root, { recursive: true, withFileTypes: true });
    const shown = (entry: real.Dirent) => this.#shown(`${entry.parentPath}/${entry.name}`);
    const files = found.filter((entry) => entry.isFile()).map(shown);
    return {
      folders: found.filter((entry) => entry.isDirectory()).map(shown),
      files: files.map((path) => [path, real.readFileSync(`${this.root}/${path}`)]),
      versions: [...this.#versions],
      changes: this.#changes,
    };
  }

  /** `node:fs` and `node:fs/promises` of a process. */
  modulesOf(owner: Owner, world: World): { fs: object; 'fs/promises': object } {
    const change = <T>(name: string, path: real.PathLike, work: () => T): T => {
      if (!this.#isMine(path)) return work();
      return world.effectNow(owner, `file ${name} ${this.#shown(path)}`, () => {
        const result = work();
        this.#changes += 1n;
        this.#versions.set(String(path), { number: this.#changes, at: world.wall });
        return result;
      });
    };
    /** Where two processes may take turns. */
    const turn = <T>(name: string, path: real.PathLike, work: () => T): Promise<T> =>
      this.#isMine(path)
        ? world.effect(owner, `file ${name} ${this.#shown(path)}`, work)
        : Promise.resolve().then(work);
    const fs = {
      ...real,
      openSync: (path: real.PathLike, ...rest: [string]) => {
        const file = real.openSync(path, ...rest);
        this.#open.set(file, String(path));
        return file;
      },
      writeSync: (file: number, ...rest: [Uint8Array]) =>
        change('write', this.#open.get(file) ?? '', () => real.writeSync(file, ...rest)),
      write: (file: number, ...rest: unknown[]) => {
        const done = rest.pop() as (error: unknown, written?: number) => void;
        const path = this.#open.get(file) ?? '';
        turn('turn', path, () => fs.writeSync(file, ...(rest as [Uint8Array]))).then(
          (count) => done(null, count),
          done,
        );
      },
      fsync: (file: number, done: (error: unknown) => void) => {
        turn('sync', this.#open.get(file) ?? '', () => undefined).then(() => done(null), done);
      },
      closeSync: (file: number) => {
        this.#open.delete(file);
        real.closeSync(file);
      },
      fstatSync: (file: number, options: object) =>
        this.#stat(this.#open.get(file) ?? '', real.fstatSync(file, options)),
      statSync: (path: real.PathLike, options?: object) => this.#stat(String(path), real.statSync(path, options)!),
      writeFileSync: (path: real.PathLike, ...rest: [Uint8Array]) =>
        change('write', path, () => real.writeFileSync(path, ...rest)),
      renameSync: (from: real.PathLike, to: real.PathLike) => change('rename', to, () => real.renameSync(from, to)),
      linkSync: (from: real.PathLike, to: real.PathLike) => change('link', to, () => real.linkSync(from, to)),
      unlinkSync: (path: real.PathLike) => change('unlink', path, () => real.unlinkSync(path)),
      rmSync: (path: real.PathLike, ...rest: [object]) => change('remove', path, () => real.rmSync(path, ...rest)),
      mkdirSync: (path: real.PathLike, ...rest: [object]) =>
        this.#isMine(path) && !owner.alive ? undefined : real.mkdirSync(path, ...rest),
    };
    const promises = {
      ...real.promises,
      link: (from: real.PathLike, to: real.PathLike) => turn('turn', to, () => fs.linkSync(from, to)),
      mkdir: async (path: real.PathLike, ...rest: [object]) => fs.mkdirSync(path, ...rest),
      mkdtemp: async (prefix: string) => real.mkdtempSync(prefix),
      open: (path: real.PathLike) =>
        turn('sync', path, () => {
          real.accessSync(path);
          return { sync: async () => undefined, close: async () => undefined };
        }),
      readdir: (path: real.PathLike, ...rest: []) => turn('list', path, () => real.readdirSync(path, ...rest)),
      readFile: async (path: real.PathLike, ...rest: []) => real.readFileSync(path, ...rest),
      rename: (from: real.PathLike, to: real.PathLike) => turn('turn', to, () => fs.renameSync(from, to)),
      rm: (path: real.PathLike, ...rest: [object]) => turn('turn', path, () => fs.rmSync(path, ...rest)),
      rmdir: (path: real.PathLike) => turn('turn', path, () => change('rmdir', path, () => real.rmdirSync(path))),
      stat: async (path: real.PathLike, options?: object) => fs.statSync(path, options),
      writeFile: (path: real.PathLike, ...rest: [Uint8Array]) =>
        turn('turn', path, () => fs.writeFileSync(path, ...rest)),
    };
    return { fs, 'fs/promises': promises };
  }

  #isMine(path: real.PathLike): boolean {
    return String(path).startsWith(this.root);
  }

  /** What lies in it, as keys. */
  keys(prefix: string): string[] {
    if (this.#listed?.changes !== this.#changes) {
      const found = real.readdirSync(this.root, { recursive: true, withFileTypes: true });
      const keys = found
        .filter((entry) => entry.isFile())
        .map((entry) => this.#shown(`${entry.parentPath}/${entry.name}`));
      this.#listed = { changes: this.#changes, keys: keys.filter((key) => !key.startsWith('.tmp/')).sort() };
    }
    return this.#listed.keys.filter((key) => key.startsWith(prefix));
  }

  bytes(key: string): Buffer | undefined {
    try {
      return real.readFileSync(`${this.root}/${key}`);
    } catch {
      return undefined;
    }
  }

  version(key: string): string | undefined {
    return this.#versions.get(`${this.root}/${key}`)?.number.toString();
  }

  #shown(path: real.PathLike): string {
    return relative(this.root, String(path));
  }

  /** Dates of files in memory come from the machine's clock; their order is all that counts. */
  #stat(path: string, found: real.Stats | real.BigIntStats): object {
    if (!path.startsWith(this.root)) return found;
    const { number, at } = this.#versions.get(path) ?? { number: 0n, at: 0 };
    if (typeof found.size !== 'bigint')
      return Object.assign(Object.create(found) as object, { ctimeMs: at, mtimeMs: at });
    return { size: found.size, mtimeNs: number, ino: 0n };
  }
}
