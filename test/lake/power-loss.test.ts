import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, test, vi } from 'vitest';
import { sessionAt } from '../../src/calendar/calendar.ts';
import { consolidate } from '../../src/jobs/consolidate/consolidate.ts';
import { resample } from '../../src/jobs/resample/resample.ts';
import { FileLake } from '../../src/lake/file-lake.ts';
import { keys } from '../../src/lake/lake.ts';
import { bar, publish } from './published.ts';

type Event = { kind: 'sync' | 'made'; path: string } | { kind: 'named'; from: string; path: string };

/** What reached the system, in order. */
const events = vi.hoisted(() => [] as Event[]);

vi.mock('node:fs', async (original) => {
  const fs = await original<typeof import('node:fs')>();
  const paths = new Map<number, string>();
  return {
    ...fs,
    openSync: (path: string, flags: string) => {
      const file = fs.openSync(path, flags);
      paths.set(file, path);
      return file;
    },
    fsync: (file: number, done: (error: Error | null) => void) =>
      fs.fsync(file, (error) => {
        if (!error) events.push({ kind: 'sync', path: paths.get(file)! });
        done(error);
      }),
    mkdirSync: (path: string, options: { recursive: true }) => {
      const first = fs.mkdirSync(path, options);
      for (let made = path; first !== undefined && made.length >= first.length; made = dirname(made))
        events.push({ kind: 'made', path: made });
      return first;
    },
    renameSync: (from: string, to: string) => {
      fs.renameSync(from, to);
      events.push({ kind: 'named', from, path: to });
    },
    linkSync: (from: string, to: string) => {
      fs.linkSync(from, to);
      events.push({ kind: 'named', from, path: to });
    },
  };
});
vi.mock('node:fs/promises', async (original) => {
  const fs = await original<typeof import('node:fs/promises')>();
  return {
    ...fs,
    open: async (path: string, flags: string) => {
      const file = await fs.open(path, flags);
      const sync = file.sync.bind(file);
      file.sync = async () => {
        await sync();
        events.push({ kind: 'sync', path });
      };
      return file;
    },
  };
});

/**
 * Keys that a power loss could take although something that names them has been written: the worst disk keeps no bytes
 * and no name that was not synced, and every name that may be there.
 */
function losses(root: string, isPointer: (key: string) => boolean): string[] {
  const synced = new Set<string>();
  const atRisk = new Set<string>();
  const lost: string[] = [];
  const keyOf = (path: string) => path.slice(root.length + 1);
  for (const event of events) {
    if (event.kind === 'sync') {
      synced.add(event.path);
      for (const path of [...atRisk]) if (dirname(path) === event.path) atRisk.delete(path);
      continue;
    }
    if (event.kind === 'named') {
      if (!synced.has(event.from)) lost.push(`${keyOf(event.path)}: its bytes`);
      if (isPointer(keyOf(event.path)))
        for (const path of atRisk) lost.push(`${keyOf(path)}: its name, when ${keyOf(event.path)} was written`);
    }
    atRisk.add(event.path);
  }
  return lost;
}

test('a night’s jobs write no manifest or checkpoint before everything it names is on the disk', async () => {
  const root = mkdtempSync(join(tmpdir(), 'power-'));
  try {
    const lake = new FileLake(pathToFileURL(root).href);
    const dates = Array.from({ length: 4 }, (_, i) => sessionAt(9000 + i));
    for (const [night, date] of dates.entries()) {
      const symbols = ['AAPL', 'BRK.B', 'KIMpL'].slice(0, 1 + night);
      await publish(
        lake,
        date,
        symbols.map((symbol) => bar(symbol, date)),
      );
      await consolidate(lake, { mode: 'incremental', maxWorkers: 4, runId: 'test' });
      await resample(lake, { mode: 'incremental', intervals: [3, 5], runId: 'test', memoryLimitMb: 200 });
    }
    const pointers = events.flatMap((event) => (event.kind === 'named' ? [event.path.slice(root.length + 1)] : []));
    expect(pointers).toEqual(
      expect.arrayContaining([keys.ingest(dates[0]!), keys.manifest, keys.consolidated, keys.silverCheckpoint(3)]),
    );
    expect(losses(root, (key) => key.startsWith('processing_metadata/'))).toEqual([]);
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
});
