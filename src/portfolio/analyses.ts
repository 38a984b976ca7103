import {
  DeleteCommand,
  type DynamoDBDocumentClient,
  GetCommand,
  PutCommand,
  QueryCommand,
} from '@aws-sdk/lib-dynamodb';
import type { Config } from '../config.ts';
import type { Completion } from '../vendors/xai.ts';
import type { Analysis } from './answer.ts';
import type { Tokens } from './prompt.ts';
import type { Reservation } from './spending.ts';

/** A question nobody comes back for leaves by itself. */
const PENDING_SECONDS = 2 * 24 * 3600;

/** An item of `portfolio-analyses` (docs/data-dictionary.md). */
export interface StoredAnalysis {
  portfolio: string;
  /** Close of the session, ISO UTC. */
  timestamp: string;
  dataAsOf: string;
  /** The model that answered, by its own word, and the one that was asked. */
  model: string;
  modelAsked: string;
  systemFingerprint?: string;
  responseId?: string;
  /** The answer as it came, and parsed. */
  analysis: string;
  parsed_data: Analysis;
  prompt: string;
  tokens: Tokens;
  costUsd: number | null;
  /** 2 when the first answer could not be used. */
  attempts: number;
  left: { symbol: string; reason: string }[];
  practice: boolean;
  runId: string;
  createdAt: string;
}

/** A question on its way, one a portfolio: kept so that a repeated call neither asks nor pays twice. */
export interface Pending {
  question: string;
  attempt: 1 | 2;
  submittedAt: string;
  requestId?: string;
  /** Fetched and not read yet: a vendor hands out an answer once only. */
  completion?: Completion;
  /** A finished answer was gone when it was asked for. */
  lost: boolean;
  practice: boolean;
  /** Of the answers before this one. */
  spent: Tokens;
  /** What they cost; null when unknown. */
  spentUsd: number | null;
  /** Of this question, in the account of the run that asked it. */
  reservation?: Reservation;
}

/** The `portfolio-analyses` table, and questions on their way in `runs`. */
export class Analyses {
  constructor(
    private readonly client: DynamoDBDocumentClient,
    private readonly config: Pick<Config, 'PORTFOLIO_ANALYSES_TABLE' | 'RUNS_TABLE'>,
  ) {}

  async stored(portfolio: string, timestamp: string): Promise<StoredAnalysis | undefined> {
    const Key = { portfolio, timestamp };
    const command = new GetCommand({ TableName: this.config.PORTFOLIO_ANALYSES_TABLE, Key, ConsistentRead: true });
    return (await this.client.send(command)).Item as StoredAnalysis | undefined;
  }

  async last(portfolio: string): Promise<StoredAnalysis | undefined> {
    const answer = await this.client.send(
      new QueryCommand({
        TableName: this.config.PORTFOLIO_ANALYSES_TABLE,
        KeyConditionExpression: '#portfolio = :portfolio',
        ExpressionAttributeNames: { '#portfolio': 'portfolio' },
        ExpressionAttributeValues: { ':portfolio': portfolio },
        ScanIndexForward: false,
        Limit: 1,
      }),
    );
    return answer.Items?.[0] as StoredAnalysis | undefined;
  }

  async store(analysis: StoredAnalysis): Promise<void> {
    await this.client.send(new PutCommand({ TableName: this.config.PORTFOLIO_ANALYSES_TABLE, Item: analysis }));
  }

  async pending(portfolio: string): Promise<Pending | undefined> {
    const Key = { id: pendingId(portfolio) };
    const command = new GetCommand({ TableName: this.config.RUNS_TABLE, Key, ConsistentRead: true });
    return (await this.client.send(command)).Item as Pending | undefined;
  }

  async savePending(portfolio: string, pending: Pending): Promise<void> {
    const ttl = Math.floor(Date.parse(pending.submittedAt) / 1000) + PENDING_SECONDS;
    const Item = { ...pending, id: pendingId(portfolio), ttl };
    await this.client.send(new PutCommand({ TableName: this.config.RUNS_TABLE, Item }));
  }

  async dropPending(portfolio: string): Promise<void> {
    const Key = { id: pendingId(portfolio) };
    await this.client.send(new DeleteCommand({ TableName: this.config.RUNS_TABLE, Key }));
  }
}

/** Its id in `runs`. */
export function pendingId(portfolio: string): string {
  return `ANALYSIS#${portfolio}`;
}
