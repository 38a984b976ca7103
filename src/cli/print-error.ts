import { errorName } from '../errors.ts';
import { blockOf, jsonLine, shownLines } from './terminal.ts';

/**
 * Says on stderr why a command failed, and with --json on stdout too. A stack is shown for a defect only.
 * @param typed writes the commands of a text as they are typed here
 */
export function printError(error: Error, typed: (text: string) => string = (text) => text): void {
  const name = errorName(error);
  const message = typed(error.message);
  printJsonError(name, message);
  process.stderr.write(shownLines(blockOf(`${name}: ${message}`)));
  if (name === 'Error' || name === 'TypeError') process.stderr.write(shownLines(blockOf(String(error.stack))));
}

/** The error as the one document of --json. */
export function printJsonError(name: string, message: string): void {
  if (process.argv.includes('--json')) process.stdout.write(jsonLine(JSON.stringify({ error: { name, message } })));
}
