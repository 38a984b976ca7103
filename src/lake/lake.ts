import { isNamed, NamedError } from '../errors.ts';
import { keyOf, oldKeyOf } from '../records/symbol.ts';
import { jsonFrom, wellFormed } from '../text.ts';

export interface Entry {
  key: string;
  /** Bytes. */
  size: number;
  /** Changes whenever the content is replaced; opaque, of the adapter's own making. */
  etag: string;
}

/** Makes a write conditional: only when the key is absent, or only over the version with this etag. */
export type Condition = { ifAbsent: true } | { ifEtag: string };

/** A key that was not removed. `changed`: it holds another version now, which is no fault. */
export interface Refusal {
  key: string;
  reason: string;
  changed: boolean;
}

/**
 * The object store (docs/design.md, The lake). Keys are relative to LAKE_URI and use `/`. A write is atomic: readers see
 * the old object or the new one. A condition that does not hold is `Lake.Conflict`; a full or read-only
 * store is `Lake.Unwritable`.
 */
export interface Lake {
  readonly uri: string;
  read(key: string): Promise<Uint8Array | undefined>;
  /** The object with its version; undefined when absent. */
  open(key: string): Promise<{ bytes: Uint8Array; etag: string } | undefined>;
  write(key: string, bytes: Uint8Array, condition?: Condition): Promise<void>;
  /** Whether the stored object is these bytes; for stores that know it with less than a read. */
  holds?(key: string, bytes: Uint8Array): Promise<boolean>;
  /** The stored object is what a write would have stored; it is to last as if it had been written now. */
  keep?(key: string): Promise<void>;
  /** Missing keys count as removed. */
  remove(keys: readonly string[]): Promise<void>;
  /** Removes each key as long as it still is this version; missing ones count as removed. Answers what stayed. */
  removeVersions(entries: readonly Pick<Entry, 'key' | 'etag'>[]): Promise<Refusal[]>;
  /** Every object below the prefix, in key order. */
  list(prefix: string): AsyncIterable<Entry>;
  /** Local paths with the content of these keys, in order, for engines that read files; missing keys are an error. */
  localise(keys: readonly string[], scratch: string): Promise<string[]>;
  /** Moves a finished local file to the key; atomic for readers. */
  adopt(localPath: string, key: string): Promise<void>;
}

/** Whether the stored object is these bytes. */
export async function isStored(lake: Lake, key: string, bytes: Uint8Array): Promise<boolean> {
  if (lake.holds) return lake.holds(key, bytes);
  const stored = await lake.read(key);
  return stored !== undefined && Buffer.compare(stored, bytes) === 0;
}

/** Writes only when the stored bytes differ, so that a second run of a night leaves every file as it is. */
export async function writeIfChanged(lake: Lake, key: string, bytes: Uint8Array): Promise<boolean> {
  const stored = await lake.read(key);
  if (stored && Buffer.compare(stored, bytes) === 0) return unchanged(lake, key);
  await lake.write(key, bytes);
  return true;
}

/** An object as it was opened; undefined when there was none. */
export type Version = { bytes: Uint8Array; etag: string } | undefined;

/**
 * Replaces an object, unless it has these bytes already; whether it was written. A job may run twice at the same moment
 * (AWS Batch promises no less): the copy that is too late finds what it meant to write, and that is no conflict.
 * @throws Lake.Conflict when it is no longer the version that was opened, and holds other bytes
 */
export async function replace(lake: Lake, key: string, bytes: Uint8Array, opened: Version): Promise<boolean> {
  if (opened && Buffer.compare(opened.bytes, bytes) === 0) return unchanged(lake, key);
  try {
    await lake.write(key, bytes, opened ? { ifEtag: opened.etag } : { ifAbsent: true });
    return true;
  } catch (error) {
    if (!isNamed(error, 'Lake.Conflict')) throw error;
    const stored = await lake.read(key);
    if (!stored || Buffer.compare(stored, bytes) !== 0) throw error;
    return unchanged(lake, key);
  }
}

/** A run that was killed may have written it a moment ago, and nothing says that it has reached the disk. */
async function unchanged(lake: Lake, key: string): Promise<false> {
  await lake.keep?.(key);
  return false;
}

export async function readJson<T>(lake: Lake, key: string): Promise<T | undefined> {
  return jsonIn<T>(key, await lake.read(key));
}

/** @throws Lake.Corrupt, naming the key, when the bytes are not JSON. */
export function jsonIn<T>(key: string, bytes: Uint8Array | undefined): T | undefined {
  if (!bytes) return undefined;
  try {
    return jsonFrom(Buffer.from(bytes).toString('utf8')) as T;
  } catch (cause) {
    throw new NamedError(
      'Lake.Corrupt',
      {
        what: `${key} is not JSON`,
        found: `${bytes.length} bytes`,
        todo: 'Run `npx afterbell verify` to see what else is damaged.',
      },
      { cause },
    );
  }
}

export function jsonBytes(value: unknown): Uint8Array {
  return Buffer.from(`${JSON.stringify(value, null, 1)}\n`);
}

export async function listAll(lake: Lake, prefix: string): Promise<Entry[]> {
  const entries: Entry[] = [];
  for await (const entry of lake.list(prefix)) entries.push(entry);
  return entries;
}

/** Every key of the lake (docs/data-dictionary.md, Lake files), in one place. Dates are YYYY-MM-DD, months YYYY-MM. */
export const keys = {
  stamp: 'processing_metadata/lake.json',
  catalog: 'catalog/afterbell.duckdb',
  catalogSql: 'catalog/views.sql',
  stagingOf: (run: string) => `staging/run=${run}/`,
  staged: (run: string, date: string) => `staging/run=${run}/date=${date}.parquet`,
  stagedRejects: (run: string, date: string) => `staging/run=${run}/date=${date}.rejected.jsonl`,
  stagedNote: (run: string, date: string) => `staging/run=${run}/date=${date}.json`,
  stagedPages: (dataset: string, sync: string) => `staging/sync=${sync}/${dataset}/`,
  stagedPage: (dataset: string, sync: string, page: number) =>
    `staging/sync=${sync}/${dataset}/page=${String(page).padStart(5, '0')}.json`,
  session: (date: string) => `bronze/sessions/date=${date}/bars.parquet`,
  symbolFolder: (symbol: string) => `bronze/raw_ohlcv/symbol=${keyOf(symbol)}/`,
  symbol: (symbol: string) => `bronze/raw_ohlcv/symbol=${keyOf(symbol)}/data.parquet`,
  symbolDate: (symbol: string, date: string) => `bronze/raw_ohlcv/symbol=${keyOf(symbol)}/date=${date}.parquet`,
  /** Where versions before the present keyOf wrote them; the same as above for most symbols. */
  oldSymbol: (symbol: string) => `bronze/raw_ohlcv/symbol=${oldKeyOf(symbol)}/data.parquet`,
  oldSymbolDate: (symbol: string, date: string) => `bronze/raw_ohlcv/symbol=${oldKeyOf(symbol)}/date=${date}.parquet`,
  silver: (interval: number, month: string) => {
    const [year, number] = month.split('-');
    return `silver/silver_${interval}d/year=${year}/month=${number}/data_${interval}d_${year}${number}.parquet`;
  },
  silverOf: (interval: number) => `silver/silver_${interval}d/`,
  ingest: (date: string) => `processing_metadata/ingest/date=${date}.json`,
  manifest: 'processing_metadata/consolidation_manifest.parquet',
  consolidated: 'processing_metadata/consolidation_checkpoint.json',
  consolidationParts: 'processing_metadata/consolidation_parts/',
  consolidationPart: (index: number, size: number) =>
    `processing_metadata/consolidation_parts/part-${String(index).padStart(5, '0')}-of-${String(size).padStart(5, '0')}.json`,
  cleanups: 'processing_metadata/cleanup_manifest.parquet',
  revisionsOf: 'processing_metadata/revisions/',
  revisions: (date: string, at: string) =>
    `processing_metadata/revisions/date=${date}/at=${at.replace(/[-:]|\.\d+/g, '')}.parquet`,
  silverCheckpoint: (interval: number) => `processing_metadata/silver_${interval}d_checkpoint.json`,
  jobResult: (job: string) => `processing_metadata/jobs/${job}.json`,
  snapshot: (dataset: string, date: string) => `reference/${dataset}/date=${date}.parquet`,
  /** Lists of the past, which were fetched later than on their day. */
  backfilledOf: (dataset: string) => `reference/${dataset}/source=backfill/date=`,
  backfilled: (dataset: string, date: string) => `reference/${dataset}/source=backfill/date=${date}.parquet`,
  /** Securities that were listed no more when the first list of the past was asked for, with their last day. */
  delisted: 'reference/tickers/source=backfill/delisted.parquet',
  /** Up to which day the lists of the past reach: that of the first list of a night. */
  backfillState: 'reference/tickers/source=backfill/state.json',
  indexMembersText: 'reference/index_members/russell_2000_tickers_clean.txt',
  symbolChangesOf: (dataset: string) => `reference/${dataset}_changes/`,
  symbolChanges: (dataset: string, date: string) => `reference/${dataset}_changes/date=${date}.parquet`,
  symbolChangesBefore: (dataset: string) => `reference/${dataset}_changes/source=backfill.parquet`,
  symbolHistoryOf: (dataset: string) => `reference/${dataset}_history/date=`,
  symbolHistory: (dataset: string, date: string) => `reference/${dataset}_history/date=${date}.parquet`,
  quarantineOf: 'quarantine/date=',
  quarantine: (date: string) => `quarantine/date=${date}.jsonl`,
  report: (date: string, file: string) => `reports/date=${date}/${file}`,
} as const;

/** The `date=…` a key carries, in its folder or its file name. */
export function dateOfKey(key: string): string | undefined {
  return /(?:^|\/)date=(\d{4}-\d{2}-\d{2})/.exec(key)?.[1];
}

/** Practice data comes from a practice market, real data from a vendor; one lake holds one kind only. */
export type LakeKind = 'practice' | 'real';

interface Stamp {
  kind: LakeKind;
}

/** Undefined for a lake nobody has written to. @throws Lake.Corrupt when its stamp is there and names no kind */
export async function lakeKind(lake: Lake): Promise<LakeKind | undefined> {
  const bytes = await lake.read(keys.stamp);
  if (!bytes) return undefined;
  const kind: unknown = jsonIn<Partial<Stamp> | null>(keys.stamp, bytes)?.kind;
  if (kind === 'practice' || kind === 'real') return kind;
  throw new NamedError('Lake.Corrupt', {
    what: `${keys.stamp} does not say what kind of data the lake holds`,
    found: wellFormed(Buffer.from(bytes).toString('utf8'), 60),
    wanted: '{"kind":"practice"} or {"kind":"real"}',
    todo: 'Write the one that is true into it; nothing else of the lake is touched until then.',
  });
}

/**
 * Stamps a new lake with its kind, or checks the stamp of an old one. Call before the first write of vendor data.
 * @throws Lake.WrongKind when the lake holds the other kind
 */
export async function claimLake(lake: Lake, kind: LakeKind): Promise<void> {
  const stamped = await lakeKind(lake);
  if (stamped === undefined) {
    await lake.write(keys.stamp, jsonBytes({ kind } satisfies Stamp), { ifAbsent: true }).catch(async (error) => {
      // Two functions may claim a new lake at the same moment; the first one's word counts.
      if ((error as Error).name !== 'Lake.Conflict') throw error;
      await claimLake(lake, kind);
    });
    return;
  }
  if (stamped !== kind) {
    throw new NamedError('Lake.WrongKind', {
      what: `${lake.uri} holds ${stamped} data, and this is ${kind} data`,
      found: `the stamp in ${keys.stamp}`,
      wanted: 'one kind of data in one home',
      todo: 'Name another home: AFTERBELL_HOME=./other npx afterbell …',
    });
  }
}
