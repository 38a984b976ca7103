import { readFileSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import { type Command, CommanderError } from 'commander';
import { errorName, fewFiles, NamedError } from '../errors.ts';
import { takeLastSteps } from '../local/last-steps.ts';
import { keepFilesPrivate } from '../local/permissions.ts';
import type { Program } from '../local/program.ts';
import { typedCommands } from '../text.ts';
import { commands } from './commands.ts';
import { type Context, openContext } from './context.ts';
import { printError, printJsonError } from './print-error.ts';
import { projectRoot, standHere } from './stand.ts';
import { watchStreams } from './terminal.ts';

/** EX_TEMPFAIL: what other programs of a shell take for "try again later". */
const BUSY = 75;

/** What ends a command: a terminal that is closed, Ctrl-C, and whoever manages processes. */
const ENDING = ['SIGHUP', 'SIGINT', 'SIGTERM'] as const;

/** What a command has for ending in order; with the last steps it is gone within two seconds. */
export const GRACE_MS = 1500;

/**
 * Runs the command that process.argv names and leaves its exit code to the process.
 * @param program the built product; the one beside this bundle unless given
 */
export async function main(program?: Program): Promise<void> {
  // Keys, holdings and prices are nobody else's: what this process writes only its user can read.
  keepFilesPrivate();
  const signals = watchSignals();
  const streams = watchStreams(process.stdout, process.stderr);
  let code = 0;
  let name = '';
  /** Until the settings are read nobody knows the data directory. */
  let typed = (text: string) => typedCommands(text, standHere());

  /** Runs a command's work and keeps its exit code. */
  function action<A extends unknown[]>(work: (...args: [...A, Context]) => Promise<number>) {
    return async (...args: unknown[]) => {
      const command = args.at(-1) as Command;
      const given = args.slice(0, -1) as A;
      name = command.name();
      const context = await openContext(command.opts(), { signal: signals.signal, unread: streams.unread, program });
      typed = context.terminal.typed;
      code = await work(...given, context);
    };
  }

  try {
    await commands(version(), action, typed).parseAsync(process.argv.map(asGiven));
  } catch (error) {
    // What fails once the work is told to stop fails because of that.
    const cause = signals.signal.aborted ? signals.signal.reason : (fewFiles(error) ?? error);
    code = exitCode(cause as Error, typed);
  }
  process.exitCode = code === 0 ? 0 : (signals.exitCode() ?? code);
  // Only now is known what became of the last words.
  process.once('exit', () => {
    process.exitCode = streams.exitCode(Number(process.exitCode), name);
  });
}

/** SQL may begin with a comment: no option has a space after its dashes. */
function asGiven(word: string): string {
  return /^--\s/.test(word) ? `\n${word}` : word;
}

function version(): string {
  return (JSON.parse(readFileSync(join(projectRoot(), 'package.json'), 'utf8')) as { version: string }).version;
}

function exitCode(error: Error, typed: (text: string) => string): number {
  if (error instanceof CommanderError) {
    if (error.exitCode === 0) return 0;
    // Commander has told people itself; the help of a bare `afterbell` is an error without words.
    const words = error.code === 'commander.help' ? 'no command is named' : error.message.replace(/^error: /, '');
    printJsonError('Usage.Invalid', words);
    return 2;
  }
  printError(error, typed);
  const name = errorName(error);
  if (name === 'Home.Busy') return BUSY;
  return name === 'Usage.Invalid' || name === 'Config.Invalid' ? 2 : 1;
}

interface Signals {
  /** Aborted by the first signal that asks the command to end. */
  signal: AbortSignal;
  /** A shell's convention for a command ended by a signal: 128 and its number. Undefined without one. */
  exitCode(): number | undefined;
}

/**
 * The one place that listens for signals. The first one aborts the work, which then ends in order; what has not ended
 * when the grace is over, or at a second signal, ends at once.
 */
function watchSignals(): Signals {
  const stop = new AbortController();
  let first: NodeJS.Signals | undefined;
  for (const name of ENDING) {
    process.on(name, () => {
      if (first) return endNow(name);
      first = name;
      setTimeout(() => endNow(name), GRACE_MS).unref();
      stop.abort(new NamedError('Job.Interrupted', `interrupted by ${name}; the same command goes on from here`));
    });
  }
  return { signal: stop.signal, exitCode: () => (first ? 128 + constants.signals[first] : undefined) };
}

/** By the signal itself: `process.exit` would first wait for threads that are still reading or computing. */
function endNow(name: NodeJS.Signals): void {
  takeLastSteps();
  process.removeAllListeners(name);
  process.kill(process.pid, name);
}
