import * as z from 'zod';

/**
 * What starts the desk: the detail of `Night Completed` as it is, or `{portfolio, force}` by hand. Without a session
 * it is the newest one held.
 */
export const deskInput = z.object({
  session: z
    .string()
    .regex(/^\d{4}-\d{2}-\d{2}$/, 'a date YYYY-MM-DD')
    .optional(),
  /** Only this portfolio. */
  portfolio: z.string().optional(),
  /** Analyse again what is analysed already. */
  force: z.boolean().default(false),
});
export type DeskInput = z.output<typeof deskInput>;

/** A range of tickers by code unit: from `from` on, before `to` when there is one. */
export interface Chunk {
  from: string;
  to: string | null;
}

/** What List Holdings decides; the state machine's variable `$desk`. */
export interface Desk {
  runId: string;
  /** The desk's data are as of this session; null when no session is held. */
  session: string | null;
  /** Its close, ISO UTC: the range key of everything the desk writes. */
  timestamp: string | null;
  force: boolean;
  /** The only portfolio, when one was asked for. */
  only: string | null;
  due: boolean;
  reasons: string[];
  tickers: number;
  chunks: Chunk[];
  /** Portfolios to analyse, by name; the next page begins after `next`. */
  portfolios: string[];
  next: string | null;
  /** Already analysed as of this session. */
  unchanged: number;
  /** Why nothing is analysed though ticker data are written. */
  analysisSkipped: string | null;
  /** What was found amiss in the holdings; none of it stops anything. */
  notes: string[];
}
