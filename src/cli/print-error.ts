import { errorName } from '../errors.ts';
import { blockOf, jsonLine, shownLines } from './terminal.ts';

/** Says on stderr why a command failed, and with --json on stdout too. A stack is shown for a defect only. */
export function printError(error: Error): void {
  const name = errorName(error);
  printJsonError(name, error.message);
  process.stderr.write(shownLines(blockOf(`${name}: ${error.message}`)));
  if (name === 'Error' || name === 'TypeError') process.stderr.write(shownLines(blockOf(String(error.stack))));
}

/** The error as the one document of --json. */
export function printJsonError(name: string, message: string): void {
  if (process.argv.includes('--json')) process.stdout.write(jsonLine(JSON.stringify({ error: { name, message } })));
}
