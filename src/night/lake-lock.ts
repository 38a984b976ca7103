import { DescribeExecutionCommand, SFNClient } from '@aws-sdk/client-sfn';
import { NamedError } from '../errors.ts';
import type { LakeLock, Runs } from '../tables/runs.ts';

/** Whether an execution is still running; asked before its lock is taken over. */
export type IsRunning = (executionArn: string) => Promise<boolean>;

/**
 * Takes the lake's lock; its owner passes, a dead owner is taken over at once.
 * @throws Night.LockBusy while another living execution owns the lake
 */
export async function takeLock(
  { runs, isRunning }: { runs: Runs; isRunning: IsRunning },
  mine: LakeLock,
): Promise<void> {
  const other = await runs.lock();
  if (other && other.executionArn !== mine.executionArn && (await isRunning(other.executionArn))) throw busy(other);
  if (!(await runs.takeLock(mine, other))) throw busy((await runs.lock()) ?? mine);
}

function busy(lock: LakeLock): NamedError {
  return new NamedError('Night.LockBusy', {
    what: 'another execution is writing to this lake',
    found: `${lock.kind} ${lock.runId} for session ${lock.session}, running since ${lock.since}`,
    wanted: 'one writer at a time',
    todo: 'It goes on by itself when the other one ends.',
  });
}

/** Asks Step Functions; an execution it does not know has ended. */
export function executionIsRunning(client = new SFNClient({})): IsRunning {
  return async (executionArn) => {
    try {
      const { status } = await client.send(new DescribeExecutionCommand({ executionArn }));
      return status === 'RUNNING' || status === 'PENDING_REDRIVE';
    } catch (error) {
      if ((error as Error).name === 'ExecutionDoesNotExist') return false;
      throw error;
    }
  };
}
