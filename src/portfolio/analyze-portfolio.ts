import { isNamed, NamedError } from '../errors.ts';
import { lakeKind } from '../lake/lake.ts';
import type { Stores } from '../stores.ts';
import type { Completion, Xai } from '../vendors/xai.ts';
import { Analyses, type Pending, type StoredAnalysis } from './analyses.ts';
import { readAnswer } from './answer.ts';
import { type Briefing, gatherBriefing } from './briefing.ts';
import {
  addCosts,
  addTokens,
  completionRequest,
  costOf,
  type FailedAnswer,
  NO_TOKENS,
  PROMPT_VERSION,
  questionHash,
  type Tokens,
  tokensOf,
} from './prompt.ts';
import { Spending } from './spending.ts';

/** Half an hour: the first answers come in seconds, a thinking model takes minutes. */
const MOST_POLLS = 100;
const QUICK_POLLS = 6;
const QUICK_SECONDS = 5;
const SLOW_SECONDS = 20;
/** Refusals before the model is asked: nothing is billed. */
const NOT_BILLED = ['Vendor.RateLimited', 'Vendor.AuthFailed', 'Vendor.NoCredits', 'Vendor.BadRequest'] as const;

export interface Step {
  portfolio: string;
  status: 'waiting' | 'analysed' | 'unchanged' | 'skipped';
  /** When to call again, while waiting. */
  waitSeconds: number;
  polls: number;
  positions: number;
  /** Positions that are not in the analysis; their reasons are in the item. */
  left: number;
  model: string | null;
  tokens: Tokens;
  costUsd: number | null;
  practice: boolean;
  reason: string | null;
}

export interface AnalysisRequest {
  runId: string;
  portfolio: string;
  session: string;
  timestamp: string;
  force: boolean;
  /** How often this run has asked for the answer already. */
  polls: number;
}

/**
 * One step of a portfolio's analysis: asks, or looks whether the answer is there, or has it fixed once, or stores it.
 * Called again until it no longer says `waiting`; a call may be repeated, an answer is paid for once.
 * @throws NamedError what xAI's client throws; `Model.*` when the fixed answer cannot be used either;
 *   `Lake.WrongKind` when a practice model answers for real data; what Spending.reserve throws. Each names the portfolio.
 */
export async function analyzePortfolio(
  request: AnalysisRequest,
  stores: Pick<Stores, 'config' | 'lake' | 'tables'>,
  openModel: () => Xai,
  signal?: AbortSignal,
): Promise<Step> {
  try {
    return await new Analyst(request, stores, openModel, signal).step();
  } catch (error) {
    if (!(error instanceof NamedError)) throw error;
    const { retryAfterSeconds } = error;
    const message = `portfolio ${JSON.stringify(request.portfolio)}: ${error.message}`;
    throw new NamedError(error.name, message, { cause: error, retryAfterSeconds });
  }
}

class Analyst {
  private readonly analyses: Analyses;
  private readonly spending: Spending;

  constructor(
    private readonly request: AnalysisRequest,
    private readonly stores: Pick<Stores, 'config' | 'lake' | 'tables'>,
    private readonly openModel: () => Xai,
    private readonly signal: AbortSignal | undefined,
  ) {
    this.analyses = new Analyses(stores.tables, stores.config);
    this.spending = new Spending(stores.tables, stores.config);
  }

  async step(): Promise<Step> {
    const { portfolio, session, timestamp, force, runId } = this.request;
    const stored = await this.analyses.stored(portfolio, timestamp);
    const pending = await this.analyses.pending(portfolio);
    // A call repeated after its answer was stored finds its own work, also when it was forced.
    if (stored && (!force || stored.runId === runId)) {
      if (pending) await this.analyses.dropPending(portfolio);
      return this.done(stored, stored.runId === runId);
    }
    const briefing = await gatherBriefing(portfolio, session, this.stores);
    if (briefing.positions.length === 0) return this.skipped(briefing);
    const question = questionHash(briefing, this.stores.config.XAI_MODEL);
    if (pending?.question !== question)
      return this.submit(briefing, question, { attempt: 1, spent: NO_TOKENS, spentUsd: 0, lost: false });
    if (pending.completion) return this.judge(briefing, pending, pending.completion);
    return this.fetch(briefing, pending);
  }

  private async submit(
    briefing: Briefing,
    question: string,
    round: Pick<Pending, 'attempt' | 'spent' | 'spentUsd' | 'lost'>,
    failed?: FailedAnswer,
  ): Promise<Step> {
    const { portfolio, runId } = this.request;
    const model = this.openModel();
    const body = completionRequest(briefing, this.stores.config.XAI_MODEL, failed);
    const id = `${portfolio} ${question.slice(0, 16)} ${round.attempt}${round.lost ? ' lost' : ''}`;
    const reservation = await this.spending.reserve(runId, id, body);
    const answer = await model.submit(body, { signal: this.signal }).catch(async (error: Error) => {
      if (reservation && isNamed(error, ...NOT_BILLED)) await this.spending.settle(reservation, 0);
      throw error;
    });
    const pending: Pending = { ...round, question, submittedAt: new Date().toISOString(), ...answer, reservation };
    await this.refuseMixture(answer.practice);
    await this.analyses.savePending(portfolio, pending);
    return pending.completion ? this.judge(briefing, pending, pending.completion) : this.waiting(briefing);
  }

  private async fetch(briefing: Briefing, pending: Pending): Promise<Step> {
    const { portfolio, polls } = this.request;
    const answer = await this.openModel()
      .fetch(pending.requestId ?? '', { signal: this.signal })
      .catch((error: Error) => {
        // Handed out once and then gone, or older than a day: asked for again, but not for ever.
        if (isNamed(error, 'Vendor.NotFound') && !pending.lost) return undefined;
        throw error;
      });
    if (!answer) {
      const { attempt, spent, spentUsd } = pending;
      return this.submit(briefing, pending.question, { attempt, spent, spentUsd, lost: true });
    }
    if (!answer.completion) {
      if (polls < MOST_POLLS) return this.waiting(briefing);
      const text = { what: 'the model has not answered', found: `${polls} looks since ${pending.submittedAt}` };
      throw new NamedError('Vendor.Unavailable', { ...text, todo: 'The next run looks again before it asks again.' });
    }
    const fetched = { ...pending, completion: answer.completion };
    await this.analyses.savePending(portfolio, fetched);
    return this.judge(briefing, fetched, answer.completion);
  }

  private async judge(briefing: Briefing, pending: Pending, completion: Completion): Promise<Step> {
    const { portfolio } = this.request;
    const spent = addTokens(pending.spent, tokensOf(completion));
    const costUsd = costOf(completion, this.stores.config.XAI_PRICES);
    const spentUsd = addCosts(costBefore(pending), costUsd);
    if (pending.reservation) await this.spending.settle(pending.reservation, costUsd);
    try {
      const symbols = briefing.positions.map(({ holding }) => holding.symbol);
      const parsed = readAnswer(completion, symbols);
      const analysis = await this.itemOf(briefing, pending, completion, {
        parsed_data: parsed,
        tokens: spent,
        costUsd: spentUsd,
      });
      await this.analyses.store(analysis);
      await this.analyses.dropPending(portfolio);
      return this.done(analysis, true);
    } catch (error) {
      if (!(error instanceof NamedError) || !error.name.startsWith('Model.')) throw error;
      if (pending.attempt === 1) return this.fixAnswer(briefing, pending, completion, error, { spent, spentUsd });
      // The next run starts over.
      await this.analyses.dropPending(portfolio);
      const price = spentUsd === null ? 'at an unknown cost' : `$${spentUsd}`;
      const text = `${error.message} (two answers of ${completion.model}, ${spent.prompt + spent.completion} tokens, ${price})`;
      throw new NamedError(error.name, text, { cause: error });
    }
  }

  private fixAnswer(
    briefing: Briefing,
    pending: Pending,
    { choices }: Completion,
    error: NamedError,
    spent: Pick<Pending, 'spent' | 'spentUsd'>,
  ): Promise<Step> {
    // A cut answer is no use to quote, and a refused one has nothing to fix.
    const content = isNamed(error, 'Model.Truncated', 'Model.Refused')
      ? undefined
      : (choices[0]!.message.content ?? undefined);
    const failed = { content, problem: `${error.name}: ${error.message}` };
    return this.submit(briefing, pending.question, { attempt: 2, ...spent, lost: false }, failed);
  }

  /** Before anything of it is kept: a made-up opinion on real holdings would look like any other. */
  private async refuseMixture(practice: boolean): Promise<void> {
    if (!practice || (await lakeKind(this.stores.lake)) !== 'real') return;
    throw new NamedError('Lake.WrongKind', {
      what: 'a practice model answered for real data',
      found: `XAI_API_URL ${this.stores.config.XAI_API_URL}`,
      wanted: 'https://api.x.ai/v1, or a practice home',
    });
  }

  private async itemOf(
    briefing: Briefing,
    pending: Pending,
    completion: Completion,
    answer: Pick<StoredAnalysis, 'parsed_data' | 'tokens' | 'costUsd'>,
  ): Promise<StoredAnalysis> {
    const { portfolio, timestamp, session, runId } = this.request;
    const { config, lake } = this.stores;
    return {
      portfolio,
      timestamp,
      dataAsOf: session,
      model: completion.model,
      modelAsked: config.XAI_MODEL,
      systemFingerprint: completion.system_fingerprint ?? undefined,
      responseId: completion.id ?? undefined,
      analysis: completion.choices[0]!.message.content ?? '',
      ...answer,
      prompt: PROMPT_VERSION,
      attempts: pending.attempt,
      left: briefing.left,
      practice: pending.practice || (await lakeKind(lake)) === 'practice',
      runId,
      createdAt: new Date().toISOString(),
    };
  }

  private waiting(briefing: Briefing): Step {
    const polls = this.request.polls + 1;
    const waitSeconds = polls <= QUICK_POLLS ? QUICK_SECONDS : SLOW_SECONDS;
    return { ...this.nothing('waiting'), waitSeconds, polls, positions: briefing.positions.length };
  }

  private skipped({ left }: Briefing): Step {
    const reason = `no position can be analysed: ${left[0]?.symbol}: ${left[0]?.reason}`;
    return { ...this.nothing('skipped'), left: left.length, reason: left.length === 0 ? 'no open position' : reason };
  }

  private done({ parsed_data, left, model, tokens, costUsd, practice }: StoredAnalysis, ours: boolean): Step {
    const positions = parsed_data.positions.length;
    const frame = this.nothing(ours ? 'analysed' : 'unchanged');
    return { ...frame, positions, left: left.length, model, tokens, costUsd, practice };
  }

  private nothing(status: Step['status']): Step {
    const { portfolio, polls } = this.request;
    const figures = {
      positions: 0,
      left: 0,
      model: null,
      tokens: NO_TOKENS,
      costUsd: null,
      practice: false,
      reason: null,
    };
    return { portfolio, status, waitSeconds: 0, polls, ...figures };
  }
}

/** A question asked before costs were kept with it has none yet, unless it is its first. */
function costBefore({ attempt, spentUsd }: Pending): number | null {
  return spentUsd ?? (spentUsd === undefined && attempt === 1 ? 0 : null);
}
