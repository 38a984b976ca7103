import type { Lake } from './lake.ts';

/** One call to the lake as it ended. */
export interface LakeCall {
  call: keyof Lake;
  /** The key or prefix; of several keys the first one. */
  key: string;
  keys?: number;
  /** Name of the error, if it failed. */
  error?: string;
  milliseconds: number;
}

/** The same lake, telling `watch` of every call. */
export function watchedLake(lake: Lake, watch: (call: LakeCall) => void): Lake {
  async function watched<T>(call: keyof Lake, names: readonly string[], work: () => Promise<T>): Promise<T> {
    const begun = performance.now();
    const entry = { call, key: names[0] ?? '', ...(names.length > 1 && { keys: names.length }) };
    const milliseconds = () => Math.round(performance.now() - begun);
    try {
      const result = await work();
      watch({ ...entry, milliseconds: milliseconds() });
      return result;
    } catch (error) {
      watch({ ...entry, error: (error as Error).name, milliseconds: milliseconds() });
      throw error;
    }
  }
  return {
    uri: lake.uri,
    read: (key) => watched('read', [key], () => lake.read(key)),
    open: (key) => watched('open', [key], () => lake.open(key)),
    write: (key, bytes, condition) => watched('write', [key], () => lake.write(key, bytes, condition)),
    ...(lake.holds && {
      holds: (key: string, bytes: Uint8Array) => watched('holds', [key], () => lake.holds!(key, bytes)),
    }),
    ...(lake.keep && { keep: (key: string) => watched('keep', [key], () => lake.keep!(key)) }),
    remove: (keys) => watched('remove', keys, () => lake.remove(keys)),
    removeVersions: (entries) => {
      const names = entries.map(({ key }) => key);
      return watched('removeVersions', names, () => lake.removeVersions(entries));
    },
    async *list(prefix) {
      const begun = performance.now();
      let found = 0;
      for await (const entry of lake.list(prefix)) {
        found += 1;
        yield entry;
      }
      watch({ call: 'list', key: prefix, keys: found, milliseconds: Math.round(performance.now() - begun) });
    },
    localise: (keys, scratch) => watched('localise', keys, () => lake.localise(keys, scratch)),
    adopt: (path, key) => watched('adopt', [key], () => lake.adopt(path, key)),
  };
}
