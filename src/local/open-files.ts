import type { ChildProcess } from 'node:child_process';
import { tooFewFiles } from '../errors.ts';

/** Files that a night of a few symbols has open at its height: the embedded database, pipes to children, connections. */
const NEEDED = 192;

interface Limits {
  userLimits?: { open_files?: { soft: number | 'unlimited' } };
}

/**
 * Below it a night would fail somewhere in its middle, in the words of whatever met the limit first.
 * @throws Home.Unwritable
 */
export function requireOpenFiles(): void {
  // Windows has no such limit.
  const { userLimits } = (process.report?.getReport() ?? {}) as Limits;
  const soft = userLimits?.open_files?.soft;
  if (typeof soft === 'number' && soft < NEEDED) throw tooFewFiles(`a limit of ${soft}`);
}

/**
 * A child without streams was never started: Node.js gives up before it makes them where no more files may be open.
 * @throws Home.Unwritable
 */
export function requireStarted(child: ChildProcess): void {
  if (child.stdout) return;
  child.once('error', () => undefined);
  throw tooFewFiles('a child process that could not be started');
}
