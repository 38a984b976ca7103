import { NamedError } from '../errors.ts';
import { lakeKind } from '../lake/stamp.ts';
import { estimateTokens, priceOf } from '../portfolio/cost.ts';
import { gatherBriefing } from '../portfolio/gather-briefing.ts';
import { newestSession } from '../portfolio/list-holdings.ts';
import { chosenPortfolios, heldTickers } from '../portfolio/plan-desk.ts';
import { missingTables, readBook } from '../portfolio/portfolio-tables.ts';
import { completionRequest, PROMPT_VERSION } from '../portfolio/prompt.ts';
import { computeTickers } from '../portfolio/update-ticker-data.ts';
import { compareWithVendor } from './check-vendor.ts';
import type { Context } from './context.ts';
import { deskOutcomeOf, printDesk } from './desk-outcome.ts';
import { homeLake, requireBegun } from './home-lake.ts';
import { onPipeline, type Pipeline } from './pipeline.ts';
import { showProgress } from './progress.ts';

export interface AnalyzeOptions {
  portfolio?: string;
  dryRun?: boolean;
  force?: boolean;
  checkVendor?: boolean;
}

const EXIT_CODES = { Succeeded: 0, Skipped: 0, Partial: 3, Failed: 1 };

/** Runs the portfolio desk for one portfolio or for all; a dry run asks nobody and shows the prompt and its price. */
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
    const outcome = await deskOutcomeOf(execution, pipeline, portfolio);
    if (context.terminal.json) context.terminal.print(JSON.stringify(outcome));
    else await printDesk(outcome, pipeline, context.terminal);
    return EXIT_CODES[outcome.status];
  });
}

/** A slip of the pen is told here, and nobody is notified of it. */
async function requirePortfolio(portfolio: string, { stores }: Pipeline): Promise<void> {
  const book = await readBook(stores.tables, stores.config);
  if (!book) throw missingTables(stores.config);
  chosenPortfolios(book, portfolio);
}

/** What a look beforehand is about: the newest session held, and the tickers of the portfolios asked for. */
async function chosen(only: string | undefined, { stores }: Pipeline) {
  const session = await newestSession(stores.lake, undefined);
  if (!session)
    throw new NamedError('Usage.Invalid', { what: 'no session is held yet', todo: 'Run: npx afterbell night' });
  const book = await readBook(stores.tables, stores.config);
  if (!book) throw missingTables(stores.config);
  const portfolios = chosenPortfolios(book, only);
  const tickers = heldTickers(book, portfolios);
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
    terminal.print(
      `\n${portfolio}: ${positions} ${positions === 1 ? 'position' : 'positions'} as of ${session}, ${left.length} left out, prompt ${PROMPT_VERSION}`,
    );
    for (const { role, content } of messages) terminal.print(`\n[${role}]\n${content.trimEnd()}`);
    const price = costUsd === null ? `an unknown price (set XAI_PRICES for ${model})` : `$${costUsd}`;
    terminal.print(
      `\nabout ${tokens.prompt} tokens in and ${tokens.completion} out of ${model}: ${price}, thinking not counted`,
    );
  }
  terminal.note('Nobody was asked, nothing was written.');
  return 0;
}
