import { symbolOf } from '../records/symbol.ts';
import { keys, type Lake } from './lake.ts';

const HISTORIES = 'bronze/raw_ohlcv/symbol=';

/** A stored `data.parquet` and where it lies. */
export interface StoredHistory {
  key: string;
  bytes: Uint8Array;
}

/**
 * One symbol's data.parquet; undefined when the lake has none. Earlier versions named some otherwise (`oldKeyOf`), and
 * theirs counts until a consolidation has moved it.
 */
export async function openHistory(lake: Lake, symbol: string): Promise<StoredHistory | undefined> {
  const [key, old] = [keys.symbol(symbol), keys.oldSymbol(symbol)];
  const bytes = await lake.read(key);
  if (bytes) return { key, bytes };
  // Asked for by the list: a disk that ignores case answers with the file of another symbol.
  if (old === key || !(await isListed(lake, old))) return undefined;
  const left = await lake.read(old);
  if (left) return { key: old, bytes: left };
  // It was moved between the two looks.
  const moved = await lake.read(key);
  return moved && { key, bytes: moved };
}

/** Symbol → key of its data.parquet, from one LIST. */
export async function historyKeys(lake: Lake): Promise<Map<string, string>> {
  const found: string[] = [];
  for await (const { key } of lake.list(HISTORIES)) if (key.endsWith('/data.parquet')) found.push(key);
  return new Map(currentHistories(found).map((key) => [symbolOfHistory(key) ?? key, key]));
}

/** Pure: without those under an old name whose symbol has one under the new name; a killed move leaves both. */
export function currentHistories(found: readonly string[]): string[] {
  const present = new Set(found);
  return found.filter((key) => {
    const symbol = symbolOfHistory(key);
    const now = symbol === undefined ? key : keys.symbol(symbol);
    return now === key || !present.has(now);
  });
}

function symbolOfHistory(key: string): string | undefined {
  try {
    return symbolOf(key.slice(HISTORIES.length, key.indexOf('/', HISTORIES.length)));
  } catch {
    return undefined;
  }
}

async function isListed(lake: Lake, wanted: string): Promise<boolean> {
  // Without the slash, so that the folder's name comes from the store and not from us.
  for await (const { key } of lake.list(wanted.slice(0, wanted.lastIndexOf('/')))) if (key === wanted) return true;
  return false;
}
