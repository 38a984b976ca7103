import { type Config, loadConfig } from '../config.ts';
import { isNamed, NamedError } from '../errors.ts';
import { lakeKind } from '../lake/lake.ts';
import { gatherBriefing } from '../portfolio/briefing.ts';
import { missingTables, readBook } from '../portfolio/holdings.ts';
import type { TickerData } from '../portfolio/indicators.ts';
import { newestSession } from '../portfolio/list-holdings.ts';
import { chosenPortfolios, ownedSymbols } from '../portfolio/portfolio-run.ts';
import { completionRequest, estimateTokens, PROMPT_VERSION, priceOf } from '../portfolio/prompt.ts';
import { computeTickers } from '../portfolio/update-ticker-data.ts';
import { counted } from '../text.ts';
import { type Indicators, polygonIndicators } from '../vendors/polygon.ts';
import { type Context, homeLake, requireBegun } from './context.ts';
import { onPipeline, type Pipeline } from './pipeline.ts';
import { portfolioOutcomeOf, printPortfolios } from './portfolio-outcome.ts';
import { showProgress } from './progress.ts';
import { type Cell, table } from './terminal.ts';

export interface AnalyzeOptions {
  portfolio?: string;
  dryRun?: boolean;
  force?: boolean;
  checkVendor?: boolean;
}

const EXIT_CODES = { Succeeded: 0, Skipped: 0, Partial: 3, Failed: 1 };

/** Starts the portfolio run, for one portfolio or for all; a dry run asks nobody and shows the prompt and its price. */
export async function analyze(options: AnalyzeOptions, context: Context): Promise<number> {
  const { portfolio, force = false } = options;
  await requireBegun(context);
  // Made-up data are for the made-up model, whatever keys there are; real ones never are.
  const realModel = (await lakeKind(homeLake(context.config))) === 'real';
  return onPipeline(context, { realModel }, async (pipeline) => {
    if (options.checkVendor) return compareWithVendor(await chosen(portfolio, pipeline), pipeline, context);
    if (options.dryRun) return dryRun(portfolio, pipeline, context);
    if (portfolio !== undefined) await requirePortfolio(portfolio, pipeline);
    const progress = showProgress(context.terminal, pipeline.timeScale);
    const input = { ...(portfolio === undefined ? {} : { portfolio }), force };
    const execution = await pipeline.run(input, {
      machine: 'portfolio',
      name: 'portfolio-by-hand',
      ...progress,
      signal: context.signal,
    });
    progress.end();
    const outcome = await portfolioOutcomeOf(execution, pipeline, portfolio);
    if (context.terminal.json) context.terminal.print(JSON.stringify(outcome));
    else await printPortfolios(outcome, pipeline, context.terminal);
    return EXIT_CODES[outcome.status];
  });
}

/** A mistyped option is reported here, and nobody is notified of it. */
async function requirePortfolio(portfolio: string, { stores }: Pipeline): Promise<void> {
  const book = await readBook(stores.tables, stores.config);
  if (!book) throw missingTables(stores.config);
  chosenPortfolios(book, portfolio);
}

/** What a look beforehand is about: the newest session held, and the tickers of the portfolios asked for. */
async function chosen(only: string | undefined, { stores }: Pipeline) {
  const session = await newestSession(stores.lake, undefined);
  if (!session)
    throw new NamedError('Usage.Invalid', { what: 'no session is published yet', todo: 'Run: npx afterbell night' });
  const book = await readBook(stores.tables, stores.config);
  if (!book) throw missingTables(stores.config);
  const portfolios = chosenPortfolios(book, only);
  const tickers = ownedSymbols(book, portfolios);
  const { data } = await computeTickers(stores.lake, tickers, session, stores.config.MAX_WORKERS);
  return { session, portfolios, data };
}

async function dryRun(only: string | undefined, pipeline: Pipeline, { terminal }: Context): Promise<number> {
  const { config } = pipeline.stores;
  const { session, portfolios, data } = await chosen(only, pipeline);
  const model = pipeline.vendors?.environment.XAI_MODEL ?? config.XAI_MODEL;
  const questions = [];
  for (const portfolio of portfolios) {
    const briefing = await gatherBriefing(portfolio, session, pipeline.stores, data);
    const { messages } = completionRequest(briefing, model);
    const tokens = estimateTokens(messages, briefing.positions);
    const costUsd = priceOf(model, tokens, config.XAI_PRICES);
    const { left, positions } = briefing;
    questions.push({
      portfolio,
      dataAsOf: session,
      model,
      prompt: PROMPT_VERSION,
      positions: positions.length,
      left,
      tokens,
      costUsd,
      messages,
    });
  }
  if (terminal.json) {
    terminal.print(JSON.stringify(questions));
    return 0;
  }
  for (const { portfolio, messages, positions, left, tokens, costUsd } of questions) {
    terminal.print([
      '',
      `${portfolio}: ${counted(positions, 'position')} as of ${session}, ${left.length} left out, prompt ${PROMPT_VERSION}`,
    ]);
    for (const { role, content } of messages) terminal.print(['', `[${role}]`, ...content.trimEnd().split('\n')]);
    const price = costUsd === null ? `an unknown price (set XAI_PRICES for ${model})` : `$${costUsd}`;
    terminal.print([
      '',
      `about ${tokens.prompt} tokens in and ${tokens.completion} out of ${model}: ${price}, thinking not counted`,
    ]);
  }
  terminal.note('Nobody was asked, nothing was written.');
  return 0;
}

/** At the free plan's pace that is a minute. */
const SAMPLE = 3;
/** RSI points, and percent of the mean: the vendor begins its smoothing elsewhere and corrects bars later. */
const TOLERANCE = 0.5;

interface Compared {
  ticker: string;
  indicator: 'rsi' | 'sma';
  asOf: string;
  ours: number;
  /** Null when the vendor has no value of that day. */
  theirs: number | null;
  verdict: 'agrees' | 'differs' | 'none';
}

/**
 * Compares a few tickers' RSI and MA50 with Polygon's indicator endpoints; exits 1 when one is too far off or the vendor
 * has none of them.
 * @throws Usage.Invalid when made-up data would be compared with real, or nothing is there to compare; what
 *   polygonIndicators throws
 */
export async function compareWithVendor(
  { data }: { data: readonly TickerData[] },
  pipeline: Pipeline,
  { terminal, signal, ...context }: Context,
): Promise<number> {
  const vendor = polygonIndicators({ config: await vendorFor(pipeline, context) });
  const compared: Compared[] = [];
  for (const { ticker, asOf, rsi, ma50 } of sampleOf(data)) {
    for (const [indicator, ours] of [['rsi', rsi!] as const, ['sma', ma50!] as const]) {
      const theirs = await vendorValue(vendor, indicator, { ticker, asOf, signal });
      compared.push({ ticker, indicator, asOf, ours, theirs, verdict: verdictOf(indicator, ours, theirs) });
    }
  }
  if (terminal.json) terminal.print(JSON.stringify(compared));
  else terminal.print(table(['ticker', 'indicator', 'as of', 'ours', 'Polygon', ''], compared.map(shown)));
  const found = compared.map(({ verdict }) => verdict);
  return found.includes('agrees') && !found.includes('differs') ? 0 : 1;
}

/** A practice home is compared with its practice market, real data with the vendor, never one with the other. */
async function vendorFor({ vendors, stores }: Pipeline, { config, stage }: Omit<Context, 'terminal' | 'signal'>) {
  const practiceData = (await lakeKind(stores.lake)) === 'practice';
  const practiceVendor = vendors?.practice ?? false;
  const own: Config = stage ? loadConfig() : config;
  if (practiceData && vendors?.embedded) {
    const { POLYGON_BASE_URL = '' } = vendors.environment;
    return { POLYGON_BASE_URL, POLYGON_API_KEY: 'practice', POLYGON_CALLS_PER_MINUTE: 0 };
  }
  if (practiceData === practiceVendor && own.POLYGON_API_KEY !== undefined) return own;
  throw new NamedError('Usage.Invalid', {
    what: '--check-vendor compares data with the vendor they are of',
    found: `${practiceData ? 'practice' : 'real'} data and ${own.POLYGON_API_KEY === undefined ? 'no POLYGON_API_KEY' : `${own.POLYGON_BASE_URL}`}`,
    wanted: practiceData ? 'a home with real data, or no POLYGON_API_KEY' : 'the POLYGON_API_KEY of a real vendor',
  });
}

/** Null also where the vendor does not know the ticker: the others are compared all the same. */
async function vendorValue(
  vendor: Indicators,
  indicator: Compared['indicator'],
  { ticker, asOf, signal }: { ticker: string; asOf: string; signal: AbortSignal },
): Promise<number | null> {
  try {
    return (await vendor.valueOn(indicator, ticker, asOf, { signal })) ?? null;
  } catch (error) {
    if (isNamed(error, 'Vendor.NotFound')) return null;
    throw error;
  }
}

/** Spread over the list, so that not only names beginning with A are looked at. @throws Usage.Invalid for none */
function sampleOf(data: readonly TickerData[]): TickerData[] {
  const whole = data
    .filter(({ rsi, ma50 }) => rsi !== null && ma50 !== null)
    .toSorted((a, b) => (a.ticker < b.ticker ? -1 : 1));
  if (whole.length === 0) {
    throw new NamedError('Usage.Invalid', {
      what: 'no ticker of the portfolios has indicators that could be compared',
      found: data[0] ? `${data[0].ticker}: ${data[0].rsiReason ?? data[0].ma50Reason}` : 'no bars of any',
      todo: 'Fetch more history: npx afterbell backfill',
    });
  }
  const step = Math.max(1, Math.floor(whole.length / SAMPLE));
  return whole.filter((_, place) => place % step === 0).slice(0, SAMPLE);
}

function verdictOf(indicator: Compared['indicator'], ours: number, theirs: number | null): Compared['verdict'] {
  if (theirs === null) return 'none';
  const off = Math.abs(ours - theirs) * (indicator === 'rsi' ? 1 : 100 / theirs);
  return off <= TOLERANCE ? 'agrees' : 'differs';
}

function shown({ ticker, indicator, asOf, ours, theirs, verdict }: Compared): Cell[] {
  return [ticker, indicator, asOf, ours.toFixed(4), theirs?.toFixed(4) ?? 'none', verdict];
}
