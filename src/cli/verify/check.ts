import { STORED_LISTS } from '../../datasets/registry.ts';
import { COMMANDS } from '../../report/next-steps.ts';

/** Tables of the warehouse that the lake has everything for; the others are judged by the ledger, so it comes first. */
export const LAKE_TABLES: readonly string[] = ['nights', ...STORED_LISTS.map(({ name }) => name), 'symbol_history'];

/** What `verify --repair` does by itself, in this order. */
export type Rebuild =
  | { step: 'remove'; keys: string[] }
  | { step: 'consolidate' }
  | { step: 'resample'; intervals: number[] }
  | { step: 'load-prices'; dates: string[] }
  | { step: 'load-table'; table: string };

/** One thing that was recounted. `problems` empty = clean; notes are worth knowing and no fault. */
export interface Check {
  name: string;
  counted: string;
  problems: string[];
  /** What is rebuilt from the lake's own files. */
  rebuild?: Rebuild[];
  /** Commands that fix the rest. */
  repairs: string[];
  notes: string[];
}

/** How many of a kind are shown to a person. */
export const SHOWN = 10;

export function refetch(date: string): string {
  return COMMANDS.night(date);
}
