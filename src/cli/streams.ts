/** Commands whose answer on stdout is all they are run for: an answer that could not be written is a failure. */
const ANSWERING: ReadonlySet<string> = new Set(['status', 'query', 'portfolios', 'report', 'verify', 'logs']);

/** What became of the streams a command writes to. */
export interface Streams {
  /** Aborted when nobody reads stdout any more; a command that would print for ever may end then. */
  unread: AbortSignal;
  /** The exit code of `command`, whose work ended with `code`. */
  exitCode(code: number, command: string): number;
}

/**
 * Keeps a stream that is closed (`| head -2`) or cannot be written (a full device) from ending the command: its work
 * goes on to its end. A closed stdout has been read as far as somebody wanted; one that cannot be written is reported
 * on stderr. There is nowhere to report a stderr that cannot be written.
 */
export function watchStreams(stdout: NodeJS.WriteStream, stderr: NodeJS.WriteStream): Streams {
  const unread = new AbortController();
  let lost = false;
  stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') unread.abort();
    else if (!lost) {
      lost = true;
      stderr.write(`stdout cannot be written: ${error.message}. The answer is lost; what was stored is not.\n`);
    }
  });
  stderr.on('error', () => undefined);
  return {
    unread: unread.signal,
    exitCode: (code, command) => (lost && code === 0 && ANSWERING.has(command) ? 1 : code),
  };
}
