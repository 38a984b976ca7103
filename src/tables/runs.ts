import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { DeleteCommand, DynamoDBDocumentClient, GetCommand, PutCommand } from '@aws-sdk/lib-dynamodb';
import { conditionHolds } from './batch.ts';

/** Locks and cursors leave by TTL should a run never come back for them. */
const TTL_SECONDS = 7 * 24 * 3600;

export interface LakeLock {
  executionArn: string;
  runId: string;
  session: string;
  kind: string;
  since: string;
}

/** Where a lane stands in its vendor's pages; saved only after the rows of the page are. */
export interface Cursor {
  /** The run that began the sync; names its staging folder. */
  syncId: string;
  /** The session that was current when the list was begun: the list is dated by it. */
  session: string;
  phase: 'fetch' | 'publish';
  partition: number;
  /** Pages staged so far, over all partitions. */
  page: number;
  /** Opaque; what the vendor wants to be asked for the next page. */
  next?: string;
  /** Cursors already asked for, so that a loop is seen also by a resumed sync. */
  seen: string[];
  rows: number;
  rejected: number;
}

/** The last complete sync of one dataset. */
export interface LastSync {
  lastSyncTimestamp: string;
  pages: number;
  rows: number;
  /** Tells a cursor that a kill left behind this sync from one of a later sync. */
  syncId?: string;
  /** What was asked for, e.g. the markets: another list may bring and take many rows. */
  selection?: string;
  /** Rows of the last complete syncs of this selection, this one last; at most BAND_SYNCS. */
  recentRows?: number[];
  /** Fields the vendor has ever sent that are not kept: each is reported once. */
  unknownFields?: string[];
}

/** A complete list that went over its change budget and waits in staging for a person. */
export interface WithheldSync {
  dataset: string;
  /** The run that held it; `npx afterbell release` takes this name. */
  runId: string;
  /** The session that run was for; that of the list is its cursor's. */
  session: string;
  /** ISO instant at which that run was opened. */
  openedAt: string;
  /** Where its pages lie. */
  cursor: Cursor;
  /** Lake key of what it would change. */
  diff: string;
}

/** What became of a session's latest night. */
export interface SessionState {
  session: string;
  runId: string;
  status: string;
  /** Bars published, consolidated and resampled. */
  pricesDone: boolean;
}

export interface WithheldRun {
  runId: string;
  session: string;
  sessions: string[];
}

/** A session that was bad when it was fetched last, and is not fetched again for a while. */
export interface BackOff {
  /** Session of the run that first found it bad. */
  since: string;
  /** Session of the night that fetched it last. */
  asked: string;
  /** The run that fetched it last. */
  runId: string;
  /** The run that notified somebody of it. */
  notifiedBy: string;
  /** Whether a gate refused it; else the vendor does not have it. */
  withheld: boolean;
}

/** The `runs` table: one lock, a cursor per dataset, the last complete sync per dataset, the state per session. */
export class Runs {
  constructor(
    private readonly client: DynamoDBDocumentClient,
    private readonly table: string,
  ) {}

  lock(): Promise<LakeLock | undefined> {
    return this.get<LakeLock>('LOCK#lake');
  }

  /** Takes the lock if it is free, ours, or still held by `over`. @returns false when somebody else was faster. */
  async takeLock(lock: LakeLock, over?: LakeLock): Promise<boolean> {
    const command = new PutCommand({
      TableName: this.table,
      Item: { id: 'LOCK#lake', ...lock, ttl: ttl(lock.since) },
      ConditionExpression: 'attribute_not_exists(id) OR executionArn = :mine OR executionArn = :old',
      ExpressionAttributeValues: { ':mine': lock.executionArn, ':old': over?.executionArn ?? '-' },
    });
    return conditionHolds(this.client.send(command));
  }

  async releaseLock(executionArn: string): Promise<void> {
    const command = new DeleteCommand({
      TableName: this.table,
      Key: { id: 'LOCK#lake' },
      ConditionExpression: 'executionArn = :mine',
      ExpressionAttributeValues: { ':mine': executionArn },
    });
    await conditionHolds(this.client.send(command));
  }

  cursor(dataset: string): Promise<Cursor | undefined> {
    return this.get<Cursor>(`CURSOR#${dataset}`);
  }

  saveCursor(dataset: string, cursor: Cursor, at: string): Promise<void> {
    return this.put(`CURSOR#${dataset}`, { ...cursor, ttl: ttl(at) });
  }

  dropCursor(dataset: string): Promise<void> {
    return this.delete(`CURSOR#${dataset}`);
  }

  /** Where an enrichment stands; what it holds is the enrichment's own. */
  progress<T>(dataset: string): Promise<T | undefined> {
    return this.get<T>(`PROGRESS#${dataset}`);
  }

  saveProgress(dataset: string, progress: object, at: string): Promise<void> {
    return this.put(`PROGRESS#${dataset}`, { ...progress, ttl: ttl(at) });
  }

  dropProgress(dataset: string): Promise<void> {
    return this.delete(`PROGRESS#${dataset}`);
  }

  lastSync(dataset: string): Promise<LastSync | undefined> {
    return this.get<LastSync>(`SYNC#${dataset}`);
  }

  saveLastSync(dataset: string, sync: LastSync): Promise<void> {
    return this.put(`SYNC#${dataset}`, sync);
  }

  sessionState(session: string): Promise<SessionState | undefined> {
    return this.get<SessionState>(`NIGHT#${session}`);
  }

  saveSessionState(state: SessionState): Promise<void> {
    return this.put(`NIGHT#${state.session}`, state);
  }

  /** A run whose staged sessions wait for a person. */
  withheldRun(runId: string): Promise<WithheldRun | undefined> {
    return this.get<WithheldRun>(`HELD#${runId}`);
  }

  saveWithheldRun(held: WithheldRun): Promise<void> {
    return this.put(`HELD#${held.runId}`, held);
  }

  dropWithheldRun(runId: string): Promise<void> {
    return this.delete(`HELD#${runId}`);
  }

  /** Sessions that nights back off from, by date. */
  async backOffs(): Promise<Record<string, BackOff>> {
    return (await this.get<{ sessions: Record<string, BackOff> }>('BACKOFF#prices'))?.sessions ?? {};
  }

  saveBackOffs(sessions: Readonly<Record<string, BackOff>>): Promise<void> {
    return this.put('BACKOFF#prices', { sessions });
  }

  /** The list of a dataset that is held back; a later one takes its place. */
  withheldSync(dataset: string): Promise<WithheldSync | undefined> {
    return this.get<WithheldSync>(`HELDSYNC#${dataset}`);
  }

  saveWithheldSync(held: WithheldSync): Promise<void> {
    return this.put(`HELDSYNC#${held.dataset}`, held);
  }

  dropWithheldSync(dataset: string): Promise<void> {
    return this.delete(`HELDSYNC#${dataset}`);
  }

  private async get<T>(id: string): Promise<T | undefined> {
    const answer = await this.client.send(new GetCommand({ TableName: this.table, Key: { id }, ConsistentRead: true }));
    return answer.Item as T | undefined;
  }

  private async delete(id: string): Promise<void> {
    await this.client.send(new DeleteCommand({ TableName: this.table, Key: { id } }));
  }

  private async put(id: string, item: object): Promise<void> {
    await this.client.send(new PutCommand({ TableName: this.table, Item: { id, ...item } }));
  }
}

function ttl(at: string): number {
  return Math.floor(Date.parse(at) / 1000) + TTL_SECONDS;
}

/** The document client every table uses; `undefined` fields are left out of items. */
export function openTables(client = new DynamoDBClient({})): DynamoDBDocumentClient {
  return DynamoDBDocumentClient.from(client, { marshallOptions: { removeUndefinedValues: true } });
}
