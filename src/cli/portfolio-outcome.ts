import { NamedError } from '../errors.ts';
import type { Execution } from '../local/executions.ts';
import { Analyses, type StoredAnalysis } from '../portfolio/analyses.ts';
import type { TickerData } from '../portfolio/indicators.ts';
import { listHoldings } from '../portfolio/list-holdings.ts';
import { Spending, type Spent } from '../portfolio/spending.ts';
import { readItems } from '../tables/batch.ts';
import { duration, jsonOrUndefined, oneLine, wellFormed } from '../text.ts';
import type { Context } from './context.ts';
import type { Pipeline } from './pipeline.ts';
import { blockOf, type Cell, statusWord, type Terminal, table } from './terminal.ts';

const SHOWN_PORTFOLIOS = 3;
const SHOWN_POSITIONS = 12;

/** What an execution of the portfolio machine came to, with the analyses it left. */
export interface PortfolioOutcome {
  runId: string;
  session: string | null;
  status: 'Succeeded' | 'Partial' | 'Skipped' | 'Failed';
  seconds: number;
  tickers?: { written: number; unchanged: number; withoutBars: number; withoutIndicators: number; failed: number };
  portfolios: { portfolio: string; status: string; reason?: string | null }[];
  unchanged: number;
  analysisSkipped?: string | null;
  reasons: string[];
  notes: string[];
  analyses: StoredAnalysis[];
  /** Null for a run that asked nothing, or without a limit. */
  spending: Spent | null;
}

/** @throws Job.Interrupted for an execution that was stopped */
export async function portfolioOutcomeOf(
  execution: Execution,
  { stores }: Pick<Pipeline, 'stores'>,
  asked?: string,
): Promise<PortfolioOutcome> {
  if (execution.status === 'ABORTED')
    throw new NamedError('Job.Interrupted', 'interrupted; the next run goes on from here');
  const reported = (execution.output ?? outcomeOfFailure(execution)) as Partial<PortfolioOutcome>;
  const { portfolios = [], reasons = [], notes = [], unchanged = 0, status = 'Failed', session = null } = reported;
  const seconds = (Date.parse(execution.stoppedAt) - Date.parse(execution.startedAt)) / 1000;
  const names = portfolios.filter((one) => one.status === 'analysed').map(({ portfolio }) => portfolio);
  if (asked !== undefined && unchanged > 0) names.push(asked);
  const table = new Analyses(stores.tables, stores.config);
  const found = await Promise.all(names.map((portfolio) => table.last(portfolio)));
  const analyses = found.filter((one) => one !== undefined);
  const { runId } = execution;
  const spending = (await new Spending(stores.tables, stores.config).spent(runId)) ?? null;
  return { ...reported, runId, session, status, seconds, portfolios, unchanged, reasons, notes, analyses, spending };
}

/**
 * Waits for the portfolio run that a good night's event started, or resumes one that was killed; undefined when there is
 * neither. A portfolio run that fails does not change the night.
 */
export async function awaitPortfolios(
  pipeline: Pipeline,
  { signal }: Pick<Context, 'signal'>,
  night: string,
): Promise<PortfolioOutcome | undefined> {
  const [started] = await pipeline.settled(signal);
  const execution = started ?? (night === 'Skipped' ? await resumed(pipeline, signal) : undefined);
  // Stopped by Ctrl-C: the night's own outcome is told all the same.
  return execution && execution.status !== 'ABORTED' ? portfolioOutcomeOf(execution, pipeline) : undefined;
}

/**
 * A portfolio run that was killed after its night: the event that started it does not come again, as the night is done. On a
 * deployed stage it lives apart from the night, and nothing that is not there is started from here.
 */
async function resumed(pipeline: Pipeline, signal: AbortSignal): Promise<Execution | undefined> {
  if (!pipeline.vendors || signal.aborted) return undefined;
  const plan = await listHoldings({ runId: 'preview', input: { force: false }, after: null }, pipeline.stores);
  if (plan.portfolios.length === 0) return undefined;
  return pipeline.run({}, { machine: 'portfolio', name: `portfolio-${plan.session}`, signal });
}

function outcomeOfFailure({ error, cause = '', status }: Execution): object {
  const reported = jsonOrUndefined(cause) as object | undefined;
  return reported ?? { reasons: [[error ?? status, cause].filter(Boolean).join(': ')] };
}

/** One screen: what was done, then each analysis with the figures it rests on. */
export async function printPortfolios(
  outcome: PortfolioOutcome,
  { stores }: Pick<Pipeline, 'stores'>,
  terminal: Terminal,
): Promise<void> {
  const { status, session, seconds, runId, tickers, portfolios, analyses } = outcome;
  const about = session ? ` for session ${session}` : '';
  terminal.print(['', `${statusWord(status, terminal)}: portfolio run${about} in ${duration(seconds)} (${runId})`]);
  if (tickers) {
    const parts = [
      `${tickers.written} written`,
      `${tickers.unchanged} unchanged`,
      `${tickers.withoutBars} without bars`,
    ];
    terminal.print(`ticker data: ${parts.join(', ')}${tickers.failed > 0 ? `, ${tickers.failed} failed` : ''}`);
  }
  const count = (word: string) => portfolios.filter((one) => one.status === word).length;
  const unchanged = outcome.unchanged + count('unchanged');
  const done = count('analysed');
  if (portfolios.length + unchanged > 0) terminal.print(`portfolios: ${done} analysed, ${unchanged} unchanged`);
  if (outcome.spending) terminal.print(spendingLine(outcome.spending));
  if (outcome.analysisSkipped) terminal.print(`- not analysed: ${outcome.analysisSkipped}`);
  for (const { portfolio, reason } of portfolios.filter((one) => one.status === 'skipped')) {
    terminal.print(`- ${portfolio}: ${reason}`);
  }
  for (const reason of outcome.reasons) terminal.print(`- ${reason}`);
  for (const note of outcome.notes) terminal.print(`- note: ${note}`);
  for (const analysis of analyses.slice(0, SHOWN_PORTFOLIOS)) await printAnalysis(analysis, stores, terminal);
  if (analyses.length > SHOWN_PORTFOLIOS) terminal.print(['', `… ${analyses.length} in all: npx afterbell portfolios`]);
}

function spendingLine({ spentUsd, limitUsd, unsettled }: Spent): string {
  const open = unsettled === 0 ? '' : `, ${unsettled} at ${unsettled === 1 ? 'its' : 'their'} worst case`;
  return `model: $${spentUsd} spent${open}, at most $${limitUsd} a run (XAI_MAX_USD)`;
}

async function printAnalysis(analysis: StoredAnalysis, stores: Pipeline['stores'], terminal: Terminal): Promise<void> {
  const { portfolio, dataAsOf, model, practice, parsed_data, timestamp, left, costUsd } = analysis;
  const price = costUsd === null ? ', cost unknown' : `, $${costUsd}`;
  terminal.print(['', `${portfolio} as of ${dataAsOf} by ${model}${practice ? ' (practice, made up)' : price}`]);
  terminal.print(blockOf(parsed_data.summary));
  const wanted = parsed_data.positions.map(({ symbol }) => ({ ticker: symbol, timestamp }));
  const fields = ['ticker', 'price', 'rsi', 'rsiReason', 'ma50', 'ma50Reason'];
  const stored = (await readItems(stores.tables, stores.config.TICKER_DATA_TABLE, wanted, fields)) as unknown[];
  const figures = new Map((stored as TickerData[]).map((data) => [data.ticker, data]));
  const sorted = parsed_data.positions.toSorted((a, b) => b.opportunity_score - a.opportunity_score);
  const rows = sorted.slice(0, SHOWN_POSITIONS).map(({ symbol, opportunity_score: score, rationale }): Cell[] => {
    const { price: last, rsi, ma50 } = figures.get(symbol) ?? {};
    return [symbol, last?.toFixed(2), rsi?.toFixed(1), ma50?.toFixed(2), score, line(rationale)];
  });
  terminal.print(table(['symbol', 'price', 'rsi', 'ma50', 'score', 'rationale'], rows));
  if (sorted.length > SHOWN_POSITIONS) terminal.print(`… ${sorted.length} positions in all`);
  for (const reason of blanks(sorted.slice(0, SHOWN_POSITIONS).flatMap(({ symbol }) => figures.get(symbol) ?? [])))
    terminal.print(reason);
  for (const { symbol, risks } of sorted.slice(0, SHOWN_POSITIONS))
    if (risks.length > 0) terminal.print(`- ${symbol} risks: ${line(risks.join('; '))}`);
  for (const { symbol, reason } of left.slice(0, SHOWN_POSITIONS))
    terminal.print(`- ${symbol} not analysed: ${reason}`);
}

/** Pure: why cells of rsi and ma50 are blank, each reason once. */
export function blanks(shown: readonly TickerData[]): string[] {
  const reasons = new Map<string, string[]>();
  for (const { ticker, rsiReason, ma50Reason } of shown) {
    for (const text of [rsiReason && `rsi: ${rsiReason}`, ma50Reason && `ma50: ${ma50Reason}`]) {
      if (text) reasons.set(text, [...(reasons.get(text) ?? []), ticker]);
    }
  }
  return [...reasons].map(([text, tickers]) => `- no ${text} (${tickers.join(', ')})`);
}

/** A model's text as one line of a table. */
function line(text: string): string {
  const plain = oneLine(text).replace(/\s+/g, ' ').trim();
  return plain.length > 90 ? `${wellFormed(plain, 89)}…` : plain;
}
