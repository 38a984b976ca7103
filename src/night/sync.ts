import type { Logger } from '@aws-lambda-powertools/logger';
import * as z from 'zod';
import {
  type ListDataset,
  type ReferenceSource,
  type SyncPage,
  type SyncRequest,
  secretsOf,
  sourceOf,
  syncOutcome,
} from '../datasets/dataset.ts';
import { isNamed } from '../errors.ts';
import { barsAreBehind } from '../jobs/backlog.ts';
import { claimLake, jsonBytes, keys, type LakeKind, lakeKind } from '../lake/lake.ts';
import { count } from '../log.ts';
import type { Call, Stores } from '../stores.ts';
import type { Cursor } from '../tables/runs.ts';
import type { VendorPage } from '../vendors/paging.ts';
import { publishList, releaseList } from './publish-list.ts';

/** What ends a publication and says nothing of its pages. */
const PASSING = [
  'Database.Resuming',
  'Lake.Conflict',
  'Lake.Unwritable',
  'Lake.WrongKind',
  'Table.WriteFailed',
] as const;

/**
 * One step of a reference sync: the next page is fetched, staged, and only then is the cursor moved; after the
 * last page the whole list is checked and the difference published. A run killed anywhere goes on where it was.
 */
export async function syncPage<T extends object>(
  source: ReferenceSource<T>,
  request: SyncRequest,
  stores: Pick<Stores, 'lake' | 'runs' | 'warehouse'>,
  log?: Pick<Logger, 'info'>,
): Promise<SyncPage> {
  if (request.release) return releaseList(source, { ...request, release: request.release }, stores);
  const cursor = await resume(source, request, stores);
  try {
    if (cursor.phase === 'publish') return await publishList(source, request, cursor, stores);
    return await fetchPage(source, request, cursor, stores, log);
  } catch (error) {
    // A cursor that leads nowhere, or to pages that no store takes, must not be asked again: the next run starts the
    // list over.
    const leadsNowhere = isNamed(error, 'Pagination.CursorLoop', 'Pagination.CursorExpired', 'Lake.Corrupt');
    const isRefused = cursor.phase === 'publish' && !isNamed(error, ...PASSING);
    if (leadsNowhere || isRefused) await stores.runs.dropCursor(source.dataset);
    throw error;
  }
}

async function resume<T extends object>(
  source: ReferenceSource<T>,
  { runId, listSession: session }: SyncRequest,
  { runs }: Pick<Stores, 'runs'>,
): Promise<Cursor> {
  const saved = await runs.cursor(source.dataset);
  // A list begun while another session was current is of another day; its pages do not mix with today's.
  if (saved?.session === session) return saved;
  return { syncId: runId, session, phase: 'fetch', partition: 0, page: 0, seen: [], rows: 0, rejected: 0 };
}

async function fetchPage<T extends object>(
  source: ReferenceSource<T>,
  request: SyncRequest,
  cursor: Cursor,
  { lake, runs }: Pick<Stores, 'lake' | 'runs'>,
  log?: Pick<Logger, 'info'>,
): Promise<SyncPage> {
  const { dataset, partitions } = source;
  const from = { cursor: cursor.next, startPage: cursor.page + 1, seenCursors: cursor.seen };
  const page = await first(source.pages(partitions[cursor.partition]!, from));
  await claimLake(lake, await kindOf(page, lake));
  const { records, rejected, excludedRows, unknownFields } = await source.parse(page.rows);
  const number = cursor.page + 1;
  await lake.write(
    keys.stagedPage(dataset, cursor.syncId, number),
    jsonBytes({ records, rejected, excludedRows, unknownFields }),
  );
  const partition = page.cursor === undefined ? cursor.partition + 1 : cursor.partition;
  const moved: Cursor = {
    ...cursor,
    partition,
    page: number,
    next: page.cursor,
    seen: cursor.next === undefined ? cursor.seen : [...cursor.seen, cursor.next],
    phase: partition === partitions.length ? 'publish' : 'fetch',
    rows: cursor.rows + records.length,
    rejected: cursor.rejected + rejected.length,
  };
  await runs.saveCursor(dataset, moved, request.openedAt);
  log?.info('page', { dataset, page: number, rows: records.length, total: moved.rows });
  return syncOutcome(source, moved, { waitSeconds: page.waitSeconds });
}

/** A file does not say whether it is of the practice market: it belongs to the lake it was brought to. */
async function kindOf({ practice }: VendorPage, lake: Stores['lake']): Promise<LakeKind> {
  if (practice === undefined) return (await lakeKind(lake)) ?? 'real';
  return practice ? 'practice' : 'real';
}

async function first(pages: AsyncIterable<VendorPage>): Promise<VendorPage> {
  for await (const page of pages) return page;
  throw new Error('a list of pages has at least one page');
}

export const syncRequest = z.object({
  runId: z.string(),
  session: z.string(),
  listSession: z.string(),
  openedAt: z.string(),
  release: z.string().nullish(),
});

/** The function of a list: one page of it, or the publication of the complete list. */
export function listFunction<T extends object>(list: ListDataset<T>) {
  return {
    name: list.task,
    event: syncRequest,
    secrets: secretsOf([list.vendor]),
    run: (request: z.output<typeof syncRequest>, call: Call) =>
      syncLane(request, call, sourceOf(list, list.source(request, call))),
  };
}

/**
 * One step of a reference lane: syncPage with the lane's log line and metrics. Once a list that bars follow
 * from is published, by whatever run, it says whether they follow it: asked of the lake and not of what this call changed,
 * so that a run killed after the publication is made good.
 */
async function syncLane<T extends object>(
  request: z.output<typeof syncRequest>,
  call: Call,
  source: ReferenceSource<T>,
): Promise<SyncPage> {
  const page = await syncPage(source, request, call, call.log);
  if (page.done) {
    const values = { rows_written: page.new + page.changed, rejected_rows: page.rejected, pages: page.pages };
    count(call.metrics, page.dataset, values);
  }
  if (!source.barsFollow || !page.done || page.status !== 'success') return page;
  return { ...page, resample: await barsAreBehind(call.lake, call.config.RESAMPLING_INTERVALS) };
}
