import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Command, CommanderError } from 'commander';
import { errorName, fewFiles } from '../errors.ts';
import { keepFilesPrivate } from '../local/permissions.ts';
import { commands } from './commands.ts';
import { type Context, openContext, projectRoot } from './context.ts';
import { printError, printJsonError } from './failure.ts';
import { watchSignals } from './signals.ts';
import { watchStreams } from './streams.ts';

/** EX_TEMPFAIL: what other programs of a shell take for "try again later". */
const BUSY = 75;

// Keys, holdings and prices are nobody else's: what this process writes only its user can read.
keepFilesPrivate();
const signals = watchSignals();
const streams = watchStreams(process.stdout, process.stderr);
let code = 0;
let name = '';

/** Runs a command's work and keeps its exit code. */
function action<A extends unknown[]>(work: (...args: [...A, Context]) => Promise<number>) {
  return async (...args: unknown[]) => {
    const command = args.at(-1) as Command;
    const given = args.slice(0, -1) as A;
    name = command.name();
    code = await work(...given, await openContext(command.opts(), { signal: signals.signal, unread: streams.unread }));
  };
}

function version(): string {
  return (JSON.parse(readFileSync(join(projectRoot(), 'package.json'), 'utf8')) as { version: string }).version;
}

try {
  await commands(version(), action).parseAsync();
} catch (error) {
  // What fails once the work is told to stop fails because of that.
  const cause = signals.signal.aborted ? signals.signal.reason : (fewFiles(error) ?? error);
  code = exitCode(cause as Error);
}
process.exitCode = code === 0 ? 0 : (signals.exitCode() ?? code);
// Only now is known what became of the last words.
process.once('exit', () => {
  process.exitCode = streams.exitCode(Number(process.exitCode), name);
});

function exitCode(error: Error): number {
  if (error instanceof CommanderError) {
    if (error.exitCode === 0) return 0;
    // Commander has told people itself; the help of a bare `afterbell` is an error without words.
    const words = error.code === 'commander.help' ? 'no command is named' : error.message.replace(/^error: /, '');
    printJsonError('Usage.Invalid', words);
    return 2;
  }
  printError(error);
  const name = errorName(error);
  if (name === 'Home.Busy') return BUSY;
  return name === 'Usage.Invalid' || name === 'Config.Invalid' ? 2 : 1;
}
