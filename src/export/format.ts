import type { Adjust, Company, Sessions, SymbolFacts } from './series.ts';

export const FORMATS = ['csvdir', 'qlib', 'lean'] as const;
export type FormatName = (typeof FORMATS)[number];

/** What is made of all symbols alike. */
export interface Making {
  adjust: Adjust;
  sessions: Sessions;
}

/** One company's series as the files of all symbols name it. */
export interface SeriesSpan {
  name: string;
  /** Days since 1970. */
  first: number;
  last: number;
}

/** Paths below the folder, with `/`, and their bytes. */
export type Files = Map<string, Buffer>;

/** The files a backtester reads. Everything here is pure. */
export interface BacktestFormat {
  name: FormatName;
  /** Raised when other files, or other bytes, are made of the same bars. */
  version: number;
  /** The usual one first. */
  adjusts: readonly Adjust[];
  /** Why no other is possible. */
  onlyAdjusts?: string;
  /** What two symbols must not share, or why the tool cannot have this one. */
  nameOf(symbol: string): { name: string } | { reason: string };
  spanOf(company: Company): SeriesSpan;
  /**
   * Files of bars with the rows from `from` on: whole ones from the company's first row, else what is to be added to
   * those that hold the rows before. The row before `from` is there then, too.
   */
  bars(company: Company, from: number, making: Making): Files;
  /** Other files of a company, which new bars alone do not change. */
  others(company: Company, making: Making): Files;
  /** Makes a file of what `bars` gave, and gives that of a file. */
  pack?(path: string, content: Buffer): Buffer;
  unpack?(file: Buffer): Buffer;
  /** What besides the bars the files up to a day were made of: as long as it is the same, bars can be added. */
  basis(facts: SymbolFacts, span: { first: number; last: number }, making: Making): unknown;
  /** Files about all series. */
  shared(spans: readonly SeriesSpan[], making: Making): Files;
}
