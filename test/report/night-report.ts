import type { NightReport } from '../../src/records/run.ts';
import { type History, NO_HISTORY } from '../../src/report/model.ts';

/** A partial night of which every figure differs, with changes. */
export function nightReport(more: Partial<NightReport> = {}): NightReport {
  return {
    runId: 'night-1',
    session: '2026-11-25',
    kind: 'night',
    status: 'Partial',
    practice: false,
    startedAt: '2026-11-26T09:00:00.000Z',
    completedAt: '2026-11-26T09:01:00.000Z',
    seconds: 60,
    datasets: [
      {
        name: 'tickers',
        task: 'sync-tickers',
        status: 'failed',
        rows: 1,
        new: 2,
        changed: 3,
        revised: 4,
        rejected: 5,
        pages: 6,
        seconds: 7.25,
        reasons: [],
      },
    ],
    reasons: ['found <script>alert("x")</script> & more'],
    notes: ['A&B 1 → 2'],
    sessions: { published: [], held: [], failed: [] },
    stages: [
      { state: 'Open Night', seconds: 0.1, retries: 0 },
      { state: 'Sync Reference', seconds: 7.3, retries: 0 },
      { state: 'Sync Page', item: 'sync-tickers', seconds: 7.25, retries: 3, pages: 6, error: 'Vendor.Unavailable' },
    ],
    ...more,
  };
}

const CANDLES = [10, 11, 10.5, 12].map((close, index) => ({
  date: `2026-11-${20 + index}`,
  open: close - 0.5,
  high: close + 1,
  low: close - 1,
  close,
  complete: index < 3,
}));

/** A past with something in every part of it. */
export function fullHistory(more: Partial<History> = {}): History {
  return {
    ...NO_HISTORY,
    held: ['2026-11-20', '2026-11-23', '2026-11-25'],
    rows: ['2026-11-20', '2026-11-23', '2026-11-25'].map((date, index) => ({ date, rows: 500 + index })),
    nights: ['2026-11-23', '2026-11-25'].map((session, index) => ({
      session,
      status: 'Succeeded' as const,
      seconds: 3,
      datasets: [
        { name: 'prices', status: index === 0 ? ('held' as const) : ('success' as const), seconds: 1 },
        { name: 'tickers', status: 'success' as const, seconds: 2 },
      ],
    })),
    revisions: { total: 7, largest: [{ symbol: 'BRK.B', date: '2026-11-23', field: 'close', before: 10, after: 12 }] },
    symbols: { before: '2026-11-24', added: ['NEW'], vanished: ['GONE', '<b>'] },
    candles: ['AAPL', 'A/B'].map((symbol) => ({
      symbol,
      series: [1, 3, 34].map((sessions) => ({ sessions, candles: CANDLES })),
    })),
    listings: {
      total: 1,
      counts: [{ words: ['tickers', 'renamed'], count: 1 }],
      head: ['dataset', 'change', 'symbol', 'former_symbol', 'reason'],
      rows: [['tickers', 'renamed', 'META', 'FB', 'renamed from FB']],
    },
    quarantine: {
      total: 2,
      counts: [{ words: ['assets', 'symbol is all digits'], count: 2 }],
      head: ['dataset', 'symbol', 'reason', 'row'],
      rows: [['assets', '123', 'symbol is all digits', '{"name":"<i>"}']],
    },
    reconcile: {
      total: 1,
      counts: [{ words: ['OTC: not at Alpaca'], count: 1 }],
      head: ['symbol', 'reason'],
      rows: [['XYZ', 'OTC: not at Alpaca']],
    },
    ...more,
  };
}
