import type { DatasetResult, NightReport, NightStatus } from '../records/run.ts';
import { list } from '../text.ts';

/** A night that was killed has no verdict: `Interrupted`; one that goes on has none yet: `Running`. */
export type RunStatus = NightStatus | 'Running' | 'Interrupted';

/** One run as the report shows it: night.json, or what the ledger knows of a run that has none. */
export type ReportedRun = Omit<NightReport, 'status'> & {
  status: RunStatus;
  /** Of the sessions it withheld those that still wait for somebody; all of them where it is not known. */
  waiting?: string[];
};

/** An earlier night, as far as plots need it. */
export interface EarlierNight {
  session: string;
  status: RunStatus;
  seconds: number;
  datasets: Pick<DatasetResult, 'name' | 'status' | 'seconds'>[];
}

export interface Candle {
  /** First session, YYYY-MM-DD. */
  date: string;
  open: number;
  high: number;
  low: number;
  close: number;
  /** False while the window's last session has not come. */
  complete: boolean;
}

/** Bars of so many sessions each, oldest first. */
export interface CandleSeries {
  sessions: number;
  candles: Candle[];
}

export interface SymbolCandles {
  symbol: string;
  /** Daily bars as traded, then N-session bars adjusted for splits. */
  series: CandleSeries[];
}

/** A bar of an earlier session that the vendor gave another value. */
export interface Revision {
  symbol: string;
  date: string;
  field: string;
  before: number | null;
  after: number | null;
}

/** Rows of a lake file with the counts that tell what they are. */
export interface Extract {
  total: number;
  counts: { words: string[]; count: number }[];
  head: string[];
  rows: string[][];
}

/** What a page shows besides its own run; collected by readHistory, drawn by reportPage. */
export interface History {
  /** Rows of each session of the last year that is held, in date order. */
  rows: { date: string; rows: number }[];
  /** Every session held, in date order. */
  held: string[];
  /** The newest night of each of the last sessions, in date order, this one included. */
  nights: EarlierNight[];
  revisions: { total: number; largest: Revision[] };
  /** Symbols with a bar that had none the session before, and the other way round; null without both sessions. */
  symbols: { before: string; added: string[]; vanished: string[] } | null;
  /** Symbols that were listed, delisted, renamed or reused on the session. */
  listings: Extract | null;
  candles: SymbolCandles[];
  quarantine: Extract | null;
  reconcile: Extract | null;
  /** Parts that could not be read, and why. */
  unread: string[];
}

/** A page without a past: what a killed first night has. */
export const NO_HISTORY: History = {
  rows: [],
  held: [],
  nights: [],
  revisions: { total: 0, largest: [] },
  symbols: null,
  listings: null,
  candles: [],
  quarantine: null,
  reconcile: null,
  unread: [],
};
export const SENTENCES: Record<RunStatus, (run: ReportedRun) => string> = {
  Succeeded: () => 'Everything that was due is done.',
  Partial: ({ datasets, sessions }) => {
    const withheld = sessions.held.length > 0 ? ` A gate refused ${list(sessions.held)}.` : '';
    const bad = datasets.filter(({ status }) => status !== 'success' && status !== 'skipped').map(({ name }) => name);
    return `What is served is sound, but not everything that was due is done: ${list(bad)}.${withheld} What was published of it before is unchanged.`;
  },
  Held: ({ sessions }) =>
    sessions.held.length > 0
      ? `A gate refused ${list(sessions.held)}. Nothing of it is published; it waits for your review. Published data is unchanged.`
      : 'A gate refused what was fetched; it waits for your review. Published data is unchanged.',
  Skipped: () => 'Nothing was due.',
  Failed: () => 'It did not reach its end. Published data is unchanged.',
  Interrupted: () =>
    'The process or execution ended before its verdict. What was stored by then is sound, and the next run goes on from there.',
  Running: () => 'It has not ended yet; this page shows what is known so far.',
};

/** What the status word means for whoever reads it. */
export function statusSentence(run: ReportedRun): string {
  return SENTENCES[run.status](run);
}
