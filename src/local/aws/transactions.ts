import { randomUUID } from 'node:crypto';
import { AwsFault } from './protocol.ts';
import type { SqlBackend, SqlResult, SqlSession } from './sql.ts';

/** On AWS three minutes; here a night's statements may be waiting behind one whose caller has died. */
const IDLE_MS = 20_000;

interface Open {
  session: SqlSession;
  /** Calls that have not been answered. */
  running: number;
  idle?: NodeJS.Timeout;
}

/** The open transactions of the Data API by their ids, each in a session of its own. */
export class Transactions {
  private readonly open = new Map<string, Open>();

  constructor(
    private readonly backend: SqlBackend,
    private readonly idleMs = IDLE_MS,
  ) {}

  async begin(): Promise<string> {
    const session = await this.backend.session();
    try {
      await session.query('BEGIN', []);
    } catch (error) {
      await session.close().catch(() => undefined);
      throw error;
    }
    const id = randomUUID();
    const opened = { session, running: 0 };
    this.open.set(id, opened);
    this.rest(id, opened);
    return id;
  }

  /** @throws AwsFault TransactionNotFoundException */
  async query(id: string, text: string, values: (string | null)[]): Promise<SqlResult> {
    const found = this.find(id);
    clearTimeout(found.idle);
    found.running += 1;
    try {
      return await found.session.query(text, values);
    } finally {
      found.running -= 1;
      this.rest(id, found);
    }
  }

  /** @throws AwsFault TransactionNotFoundException; BadRequestException for a commit after a failed statement */
  async end(id: string, command: 'COMMIT' | 'ROLLBACK'): Promise<void> {
    const { session, idle } = this.find(id);
    clearTimeout(idle);
    this.open.delete(id);
    try {
      const done = (await session.query(command, [])).command;
      if (done !== command) {
        throw new AwsFault('BadRequestException', `A statement of transaction ${id} failed: it is rolled back`);
      }
    } finally {
      await session.close();
    }
  }

  private find(id: string): Open {
    const found = this.open.get(id);
    if (found) return found;
    throw new AwsFault('TransactionNotFoundException', `Transaction ${id} is not found`, 404);
  }

  private rest(id: string, opened: Open): void {
    if (opened.running > 0 || this.open.get(id) !== opened) return;
    opened.idle = setTimeout(() => void this.end(id, 'ROLLBACK').catch(() => undefined), this.idleMs).unref();
  }
}
