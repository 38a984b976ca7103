import { readdirSync, statSync } from 'node:fs';
import { join, relative } from 'node:path';

/** What a data directory and its temporary folder hold when nothing runs. */
export interface Footprint {
  /** Bytes by part, e.g. `lake/bronze`, `warehouse`. */
  bytes: Record<string, number>;
  files: number;
  /** Paths that should be gone: temporary files, locks, drafts, unfinished databases, marks of running executions. */
  left: string[];
}

const LEFT = /^(home\.lock|lake\/\.tmp\/|lake\/staging\/|logs\/running\/|warehouse\/.*\.new-)|\.draft-/;

/** @param temporary the TMPDIR of every command */
export function measureFootprint(home: string, temporary: string): Footprint {
  const bytes: Record<string, number> = {};
  const left = readdirSync(temporary).map((name) => join('$TMPDIR', name));
  let files = 0;
  for (const entry of readdirSync(home, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    const name = relative(home, path);
    // Where jobs spill: an empty folder is left behind, too.
    if (relative(home, entry.parentPath) === 'scratch') left.push(name);
    if (!entry.isFile()) continue;
    const [first = '', second = ''] = name.split('/');
    const part = first === 'lake' ? `lake/${second}` : first;
    bytes[part] = (bytes[part] ?? 0) + statSync(path).size;
    files += 1;
    if (LEFT.test(name)) left.push(name);
  }
  return { bytes, files, left };
}
