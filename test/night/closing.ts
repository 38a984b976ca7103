import type { CloseInput } from '../../src/night/close-input.ts';
import type { Night } from '../../src/night/night.ts';

export const SESSION = '2026-11-25';

export type Changes = {
  night?: Partial<Night>;
  prices?: Partial<CloseInput['prices']>;
  reference?: CloseInput['reference'];
  enriched?: CloseInput['enriched'];
  trouble?: CloseInput['trouble'];
};

const job = { wanted: true, environment: [] };

export function night(more: Partial<Night> = {}): Night {
  return {
    runId: 'night-1',
    executionArn: 'arn:night-1',
    session: SESSION,
    listSession: SESSION,
    kind: 'night',
    openedAt: '2026-11-26T09:00:00.000Z',
    due: true,
    reasons: [],
    lanes: [
      { vendor: 'polygon', tasks: ['sync-tickers'], round: 0 },
      { vendor: 'alpaca', tasks: ['sync-assets'], round: 0 },
    ],
    enrich: [],
    skipped: [],
    prices: {
      due: true,
      reason: '',
      source: 'api',
      sessions: [SESSION],
      again: [],
      gaps: [],
      stagedBy: 'night-1',
      released: null,
      concurrency: 1,
    },
    notes: [],
    jobs: { always: false, consolidate: { ...job, shards: 1 }, resample: job },
    releasedRun: null,
    ...more,
  };
}

type LaneResult = CloseInput['reference'][number]['results'][number];

/** One dataset's end in a lane. */
export function ended(
  task: string,
  page: Partial<NonNullable<LaneResult['page']>> = {},
): CloseInput['reference'][number] {
  const full = {
    dataset: task.slice('sync-'.length),
    status: 'success' as const,
    pages: 3,
    rows: 10,
    rejected: 0,
    new: 2,
    changed: 1,
    reasons: [],
    ...page,
  };
  return { vendor: task, results: [{ task, seconds: 4, page: full, trouble: null }] };
}

export function failed(task: string, error: string, cause = 'why'): CloseInput['reference'][number] {
  return { vendor: task, results: [{ task, seconds: 4, page: null, trouble: { state: 'Sync Page', error, cause } }] };
}

/** What a good night tells Close Night, with changes. */
export function closing({
  night: nightly = {},
  prices = {},
  reference,
  enriched = [],
  trouble = null,
}: Changes = {}): CloseInput {
  return {
    night: night(nightly),
    reference: reference ?? [ended('sync-tickers'), ended('sync-assets')],
    enriched,
    prices: {
      seconds: 5,
      staged: [{ date: SESSION, status: 'staged', rows: 100, rejected: 1, reason: '' }],
      check: { publish: [SESSION], held: [], holds: [], notes: [] },
      published: [{ date: SESSION, rows: 100, new: 90, changed: 10, removed: 0, rejected: 1 }],
      unpublished: [],
      jobs: [
        { task: 'consolidate', seconds: 6 },
        { task: 'resample', seconds: 7 },
      ],
      trouble: null,
      ...prices,
    },
    trouble,
  };
}

/** Prices of a night whose session was held back. */
export const HELD: Partial<CloseInput['prices']> = {
  check: { publish: [], held: [SESSION], holds: [`${SESSION}: 50 rows, usually 100`], notes: [] },
  published: [],
  jobs: [],
};

/** Prices of a night whose session could not be fetched. */
export function unstaged(error: string, cause = 'why'): Partial<CloseInput['prices']> {
  const trouble = { state: 'Stage Session', error, cause };
  return {
    staged: [{ date: SESSION, status: 'failed', rows: 0, rejected: 0, reason: '', trouble }],
    check: { publish: [], held: [], holds: [], notes: [] },
    published: [],
    jobs: [],
  };
}
