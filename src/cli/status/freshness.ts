import { sessionsBetween } from '../../calendar/sessions.ts';
import { DATASET_OF_TASK } from '../../night/reference-datasets.ts';
import type { SqlRow } from '../../warehouse/client.ts';
import { ledgerInstant } from './exchange-clock.ts';

/** How far one dataset has got, against what the calendar expects by now. */
export interface Freshness {
  dataset: string;
  /** Newest session it has, or was synced for; null when it never was. */
  newest: string | null;
  /** Sessions it lacks of those that are expected; null when it never was. */
  behind: number | null;
  /** `current`, `2 sessions behind`, `never` */
  age: string;
  /** When it was last brought up to date, ISO UTC; null where the ledger does not say. */
  syncedAt: string | null;
  /** How its task ended last. */
  status: string | null;
}

export interface FreshnessFacts {
  /** The session that is to be there by now. */
  expected: string;
  /** Newest session of the lake itself. */
  sessions: string | undefined;
  histories: string | null;
  bars: string | null;
  /** Newest session in `stock_prices`. */
  prices: string | null;
  /** Latest row of each task, and the newest session each was well for. */
  latest: readonly SqlRow[];
  good: readonly SqlRow[];
}

/** Pure: one row a dataset, those of the lake first. A list that no night ever asked for has none. */
export function freshnessOf(facts: FreshnessFacts): Freshness[] {
  const { expected, sessions, histories, bars, prices, latest, good } = facts;
  const row = (dataset: string, task: string, newest: string | null): Freshness => {
    const last = latest.find(({ task_name }) => task_name === task);
    const well = good.find(({ task_name }) => task_name === task);
    const behind = newest === null ? null : sessionsAfter(newest, expected);
    return {
      dataset,
      newest,
      behind,
      age: ageText(behind),
      syncedAt: ledgerInstant(well?.completed_at),
      status: last ? String(last.status) : null,
    };
  };
  const lists = Object.entries(DATASET_OF_TASK).flatMap(([task, dataset]) => {
    if (!latest.some(({ task_name }) => task_name === task)) return [];
    const session = good.find(({ task_name }) => task_name === task)?.session;
    return [row(dataset, task, session ? String(session) : null)];
  });
  if (sessions === undefined) return lists;
  return [
    row('prices', 'prices', sessions),
    row('stock_prices', 'prices', prices),
    row('history', 'consolidate', histories),
    row('N-session bars', 'resample', bars),
    ...lists,
  ];
}

function sessionsAfter(newest: string, expected: string): number {
  return newest >= expected ? 0 : sessionsBetween(newest, expected).filter((date) => date > newest).length;
}

function ageText(behind: number | null): string {
  if (behind === null) return 'never';
  if (behind === 0) return 'current';
  return `${behind} ${behind === 1 ? 'session' : 'sessions'} behind`;
}
