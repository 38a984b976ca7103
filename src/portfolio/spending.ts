import { type DynamoDBDocumentClient, GetCommand, UpdateCommand } from '@aws-sdk/lib-dynamodb';
import type { Config } from '../config.ts';
import { NamedError } from '../errors.ts';
import { conditionHolds } from '../tables/batch.ts';
import type { ModelRequest } from '../vendors/xai.ts';
import { priceOf } from './prompt.ts';

/** An account nobody reads any more leaves by itself. */
const ACCOUNT_SECONDS = 30 * 24 * 3600;

/** What one question may cost at most, set aside in the account of the run that asked it. */
export interface Reservation {
  runId: string;
  /** Names the question within its run. */
  id: string;
  usd: number;
}

/** What a run has spent on the model so far, questions under way at their worst case. */
export interface Spent {
  spentUsd: number;
  limitUsd: number;
  /** Questions whose answer has not arrived. */
  unsettled: number;
}

/** An item of `runs`; its numbers are USD. */
interface Account {
  spent: number;
  limit: number;
  unsettled?: Set<string>;
}

/**
 * The accounts of portfolio runs, `SPENT#<runId>` in `runs`: before a question is asked its worst case is reserved, and
 * once it is answered the cost billed takes the reservation's place. Each happens once, however often a call is repeated.
 */
export class Spending {
  constructor(
    private readonly client: DynamoDBDocumentClient,
    private readonly config: Pick<Config, 'RUNS_TABLE' | 'XAI_MAX_USD' | 'XAI_PRICES'>,
  ) {}

  /**
   * Undefined without a limit.
   * @throws NamedError `Budget.Exceeded` when the question might take the run over the limit, `Config.Invalid` when
   *   nobody knows what the model costs
   */
  async reserve(runId: string, id: string, question: ModelRequest): Promise<Reservation | undefined> {
    const limit = this.config.XAI_MAX_USD;
    if (limit === 'off') return undefined;
    const usd = worstCase(question, this.config.XAI_PRICES);
    if (usd === null) throw unknownPrice(question.model, limit);
    const room = roundedDown(limit - usd);
    if (room < 0) throw exceeded(limit, usd, 0);
    const added = await this.update(runId, {
      UpdateExpression:
        'SET spent = if_not_exists(spent, :none) + :usd, #limit = :limit, #ttl = :ttl ADD unsettled :ids',
      ConditionExpression: '(attribute_not_exists(spent) OR spent <= :room) AND NOT contains(unsettled, :id)',
      ExpressionAttributeNames: { '#limit': 'limit', '#ttl': 'ttl' },
      ExpressionAttributeValues: {
        ':none': 0,
        ':usd': usd,
        ':room': room,
        ':limit': limit,
        ':id': id,
        ':ids': new Set([id]),
        ':ttl': Math.floor(Date.now() / 1000) + ACCOUNT_SECONDS,
      },
    });
    if (!added) {
      const { spent = 0, unsettled } = (await this.account(runId)) ?? {};
      // A call repeated after a crash finds its own reservation.
      if (!unsettled?.has(id)) throw exceeded(limit, usd, spent);
    }
    return { runId, id, usd };
  }

  /** @param costUsd what was billed; null when nobody knows, and the worst case stays */
  async settle({ runId, id, usd }: Reservation, costUsd: number | null): Promise<void> {
    const over = Number(((costUsd ?? usd) - usd).toFixed(6));
    await this.update(runId, {
      UpdateExpression: 'SET spent = spent + :over DELETE unsettled :ids',
      ConditionExpression: 'contains(unsettled, :id)',
      ExpressionAttributeValues: { ':over': over, ':id': id, ':ids': new Set([id]) },
    });
  }

  /** Undefined for a run that has asked nothing under a limit. */
  async spent(runId: string): Promise<Spent | undefined> {
    const account = await this.account(runId);
    return account && { spentUsd: account.spent, limitUsd: account.limit, unsettled: account.unsettled?.size ?? 0 };
  }

  private async account(runId: string): Promise<Account | undefined> {
    const command = new GetCommand({ TableName: this.config.RUNS_TABLE, Key: keyOf(runId), ConsistentRead: true });
    return (await this.client.send(command)).Item as Account | undefined;
  }

  /** @returns false when the condition does not hold */
  private update(
    runId: string,
    change: Omit<ConstructorParameters<typeof UpdateCommand>[0], 'TableName' | 'Key'>,
  ): Promise<boolean> {
    const command = new UpdateCommand({ TableName: this.config.RUNS_TABLE, Key: keyOf(runId), ...change });
    return conditionHolds(this.client.send(command));
  }
}

function keyOf(runId: string) {
  return { id: `SPENT#${runId}` };
}

/** Every byte a token, and an answer as long as it may be; null when the price is unknown. */
function worstCase(question: ModelRequest, prices: readonly number[] | undefined): number | null {
  const prompt = Buffer.byteLength(JSON.stringify(question));
  return priceOf(question.model, { prompt, completion: question.max_completion_tokens, reasoning: 0 }, prices);
}

/** A sum of six decimals is not made smaller by the binary form of the limit. */
function roundedDown(usd: number): number {
  return Math.floor(usd * 1e6 + 1e-3) / 1e6;
}

function exceeded(limit: number, usd: number, spent: number): NamedError {
  return new NamedError('Budget.Exceeded', {
    what: 'the question was not asked: it might take this portfolio run over its limit',
    found: `up to $${usd} for the question, with $${spent} spent or reserved`,
    wanted: `at most $${limit} a run (XAI_MAX_USD)`,
    todo: 'The next run begins at $0: npx afterbell analyze. Raise XAI_MAX_USD for a question that alone costs more.',
  });
}

function unknownPrice(model: string, limit: number): NamedError {
  return new NamedError('Config.Invalid', {
    what: `the limit of $${limit} a portfolio run (XAI_MAX_USD) cannot be kept, as the price of ${model} is unknown`,
    wanted: 'its price, or no limit',
    todo: 'Set XAI_PRICES to its USD per million input and output tokens, e.g. 2,6, or XAI_MAX_USD=off.',
  });
}
