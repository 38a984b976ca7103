import { type Entry, type Lake, listAll } from '../lake/lake.ts';

/** What `read` made of one version, for as long as `version` answers the same; a failure is not remembered. */
export function remembered<T>(version: () => Promise<string>, read: () => Promise<T>): () => Promise<T> {
  let last: { version: string; made: Promise<T> } | undefined;
  return async () => {
    const now = await version();
    if (last?.version === now) return last.made;
    const made = read();
    last = { version: now, made };
    made.catch(() => {
      if (last?.made === made) last = undefined;
    });
    return made;
  };
}

/** The last Parquet file below a prefix, which is the newest where its name begins with a date. */
export async function newestFile(lake: Lake, prefix: string): Promise<Entry | undefined> {
  return (await listAll(lake, prefix)).findLast(({ key }) => key.endsWith('.parquet'));
}

/** A text that changes when the last file of a prefix does. */
export async function newestVersion(lake: Lake, prefix: string): Promise<string> {
  const newest = await newestFile(lake, prefix);
  return newest ? `${newest.key} ${newest.etag}` : '';
}
