import { appendFile, readdir, readFile, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Config } from '../../config.ts';
import { counted, figure, jsonOrUndefined } from '../../text.ts';

/** Bytes of a data directory by what they are for. */
export interface Disk {
  total: number;
  /** `lake/bronze`, `warehouse`, `write-ahead log`, `tables`, `logs`, `scratch`, `other` → bytes */
  parts: Record<string, number>;
  /** Bytes a night adds, over the nights measured; null before the second one. */
  growth: { bytes: number; nights: number } | null;
}

type Settings = Pick<Config, 'AFTERBELL_HOME' | 'LAKE_URI' | 'DATABASE_URL'>;

/** Newest measurements that the growth is taken from. */
const NIGHTS = 20;

/** Measures a data directory; a lake in S3 is no part of it. */
export async function readDisk(config: Settings): Promise<Disk> {
  const home = resolve(config.AFTERBELL_HOME);
  const parts = await partsOf(home, config.LAKE_URI);
  const total = Object.values(parts).reduce((sum, bytes) => sum + bytes, 0);
  const measured = measurements(await readFile(logOf(home), 'utf8').catch(() => '')).slice(-NIGHTS - 1);
  const [first, last] = [measured[0], measured.at(-1)];
  const nights = measured.length - 1;
  const growth = first === undefined || nights < 1 ? null : { bytes: (last! - first) / nights, nights };
  return { total, parts, growth };
}

/** Pure: what the data directory took after each session's last night. */
function measurements(text: string): number[] {
  const bySession = new Map<unknown, number>();
  for (const line of text.split('\n')) {
    const { session, total } = (jsonOrUndefined(line) ?? {}) as { session?: unknown; total?: unknown };
    if (typeof total === 'number') bySession.set(session, total);
  }
  return [...bySession.values()];
}

/** Keeps what a data directory takes after a night. */
export async function recordDisk(config: Settings, session: string): Promise<void> {
  const { total } = await readDisk(config);
  const line = JSON.stringify({ at: new Date().toISOString(), session, total });
  await appendFile(logOf(resolve(config.AFTERBELL_HOME)), `${line}\n`);
}

function logOf(home: string): string {
  return join(home, 'logs', 'disk.jsonl');
}

async function partsOf(home: string, lakeUri: string | undefined): Promise<Record<string, number>> {
  const lake = lakeUri === undefined ? join(home, 'lake') : lakeUri.startsWith('file:') ? fileURLToPath(lakeUri) : '';
  const parts: Record<string, number> = {};
  const add = async (part: string, path: string, but?: string) => {
    const bytes = await bytesBelow(path, but);
    if (bytes > 0) parts[part] = (parts[part] ?? 0) + bytes;
  };
  for (const name of lake === '' ? [] : await namesIn(lake)) await add(`lake/${name}`, join(lake, name));
  const wal = join(home, 'warehouse', 'pgdata', 'pg_wal');
  await add('warehouse', join(home, 'warehouse'), wal);
  await add('write-ahead log', wal);
  for (const name of ['tables', 'logs', 'scratch']) await add(name, join(home, name));
  const known = ['lake', 'warehouse', 'tables', 'logs', 'scratch'];
  for (const name of await namesIn(home)) if (!known.includes(name)) await add('other', join(home, name));
  return parts;
}

async function namesIn(folder: string): Promise<string[]> {
  return (await readdir(folder).catch(() => [])).sort();
}

/** A file that goes while it is counted counts nothing. */
async function bytesBelow(path: string, but?: string): Promise<number> {
  if (path === but) return 0;
  const found = await stat(path).catch(() => undefined);
  if (!found?.isDirectory()) return found?.size ?? 0;
  const below = await readdir(path, { withFileTypes: true }).catch(() => []);
  const sizes = await Promise.all(
    below.map((entry) => (entry.isSymbolicLink() ? 0 : bytesBelow(join(path, entry.name), but))),
  );
  return sizes.reduce((sum, bytes) => sum + bytes, 0);
}

/** Pure: the disk in two lines, the largest part first. */
export function diskLines({ total, parts, growth }: Disk): string[] {
  const named = Object.entries(parts)
    .filter(([, bytes]) => megabytes(bytes) !== '0')
    .sort(([, a], [, b]) => b - a)
    .map(([part, bytes]) => `${part} ${megabytes(bytes)}`);
  const lines = [`Disk: ${megabytes(total)} MB: ${named.join(', ')}.`];
  if (growth) lines.push(`A night adds ${megabytes(growth.bytes)} MB, by the last ${counted(growth.nights, 'night')}.`);
  return lines;
}

function megabytes(bytes: number): string {
  return figure(bytes / 1e6);
}
